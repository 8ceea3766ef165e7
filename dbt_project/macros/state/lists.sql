{#- Uploads of lists up to a run, each with the list it belongs to: a list begins with an upload that replaces, and goes
    on with those that add. A refused upload is a list of its own, which nobody is on. -#}
{% macro uploads_until(run=none) -%}
    (
        select
            *,
            case
                when state = 'refused' then upload_no
                else coalesce(max(upload_no) filter (where on_upload = 'replace' and state = 'good') over (
                    partition by segment
                    order by upload_no
                    rows between unbounded preceding and current row
                ), 0)
            end as list_no
        from {{ source('raw', 'list_uploads') }}
        {%- if run %}
        where run_no <= {{ run }}
        {%- endif %}
    )
{%- endmacro %}

{#- What was found out about rows of lists is kept for the last published run, and for the one at hand. -#}
{% macro forget_old_matches() -%}
    {% if is_incremental() %}
        delete from {{ this }}
        where run_no is distinct from (select max(run_no) from {{ this }} where run_no <= {{ published_run() }})
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}

{% macro users_by(strategy) -%}
    select
        value,
        count(*) as users,
        min(person_no) as person_no
    from {{ ref('user_keys') }}
    where strategy = '{{ strategy }}'
    group by value
{%- endmacro %}
