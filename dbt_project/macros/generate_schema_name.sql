{#- A schema is named as the project says, without the target's name in front: people and tools rely on `segments`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
