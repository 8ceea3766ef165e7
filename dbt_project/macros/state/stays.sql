{% macro reopen_unpublished_stays() -%}
    {% if is_incremental() %}
        update {{ this }} set valid_to = null, run_to = null where run_to > {{ published_run() }}
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}

{% macro close_stays() -%}
    update {{ this }} as stay
    set valid_to = gone.as_of, run_to = gone.run_no
    from {{ ref('segment_changes_log') }} as gone
    where gone.run_no = {{ this_run() }}
    and gone.change = 'left'
    and stay.segment_no = gone.segment_no
    and stay.person_no = gone.person_no
    and stay.run_to is null
    and stay.run_from <> gone.run_no
{%- endmacro %}
