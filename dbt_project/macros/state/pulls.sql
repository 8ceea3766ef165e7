{#- Rows of pulls stay for as long as the last published run, or the one at hand, has found the pull unchanged since. -#}
{% macro forget_replaced_matches() -%}
    {% if is_incremental() %}
        delete from {{ this }} where run_no > {{ published_run() }}
        or (connector, audience_id, fetched_at, run_no) not in (
            select (connector, audience_id, fetched_at, written_in) from {{ ref('matched_pulls') }}
        )
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}
