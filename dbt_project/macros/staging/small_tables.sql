{#- The landing tables that are read whole in every load, which are all but the events. -#}
{% macro small_tables() -%}
    {{- return([
        "users", "devices", "consents", "blacklist", "messages", "message_events", "audiences", "audience_members",
    ]) -}}
{%- endmacro %}
