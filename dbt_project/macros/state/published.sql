{#- A run becomes visible by one row: `raw.runs.is_published`. State tables carry run numbers; what a dead run left behind is
    invisible at once, and the next run takes it away before it writes. -#}

{#- The one open run: a column of its row, known only while the run lasts. Not a dbt variable, since a changed variable makes
    dbt parse everything again. -#}
{% macro this_run(column='run_no') -%}
    (select {{ column }} from {{ source('raw', 'runs') }} where not is_published)
{%- endmacro %}

{% macro published_run() -%}
    (select coalesce(max(run_no), 0) from {{ source('raw', 'runs') }} where is_published and mode = 'present')
{%- endmacro %}

{#- Members as the last published run left them: segment_no, person_no. With the run as a number, and not as a row to join,
    the engine looks for a segment before it looks at anything that is joined with its members. -#}
{% macro published_members() -%}
    (
        select segment_no, person_no
        from {{ ref('segment_stays') }}
        where run_from <= {{ published_run() }} and (run_to is null or run_to > {{ published_run() }})
    )
{%- endmacro %}

{% macro word_versions() -%}
    (
        select segment_no // 64 as word, max(run_no) as run_no
        from {{ source('raw', 'segment_definitions') }}
        where is_computed and mode = 'present' and run_no <= {{ published_run() }}
        group by all
    )
{%- endmacro %}

{% macro stored_bits(word) -%}
    (
        select b.person_no, b.bits
        from {{ source('state', 'segment_bits') }} as b
        join {{ word_versions() }} as v on b.word = v.word and b.run_no = v.run_no
        where b.word = {{ word }}
    )
{%- endmacro %}

{#- For tables of which readers see the last published run alone: the run at hand writes beside it, and takes away what
    came before. -#}
{% macro forget_all_but_published() -%}
    {% if is_incremental() %}
        delete from {{ this }} where run_no <> {{ published_run() }}
    {% endif %}
{%- endmacro %}

{% macro forget_unpublished(column='run_no') -%}
    {% if is_incremental() %}
        delete from {{ this }} where {{ column }} > {{ published_run() }}
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}
