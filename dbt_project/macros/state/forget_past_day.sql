{% macro forget_past_day() -%}
    {% if is_incremental() %}
        delete from {{ this }}
        where run_no not in (select run_no from {{ source('raw', 'runs') }} where is_published)
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}
