{% macro forget_old_bits() -%}
    {% if is_incremental() %}
        delete from {{ this }} where (word, run_no) not in (select (word, run_no) from {{ word_versions() }})
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}
