{#- Columns without which a landed row says nothing, by table. Events have alternatives and judge themselves. -#}
{% macro needed_columns(table) -%}
    {{- return({
        "users": ["user_id"],
        "devices": ["device_id", "user_id", "platform"],
        "consents": ["user_id", "channel", "state", "at"],
        "blacklist": ["user_id", "channel", "listed", "at"],
        "messages": ["message_id", "channel", "status"],
        "message_events": ["message_id", "user_id", "kind", "ts"],
        "audiences": ["connector", "audience_id", "fetched_at"],
        "audience_members": ["connector", "audience_id", "fetched_at"],
    }[table]) -}}
{%- endmacro %}

{#- JSON columns of the tables other than events, with the JSON type each has to be. -#}
{% macro json_columns(table) -%}
    {{- return({
        "users": {"attributes": "OBJECT", "tags": "ARRAY"},
        "messages": {"segments": "ARRAY", "excluded_segments": "ARRAY"},
        "audience_members": {"properties": "OBJECT"},
    }.get(table, {})) -}}
{%- endmacro %}

{#- Why a row of a landing table cannot be used, as text; null if it can. -#}
{% macro problem(table) -%}
    case
        {%- for column in needed_columns(table) %}
        when {{ lacks(column) }} then {{ lack_of(column) }}
        {%- endfor %}
    end
{%- endmacro %}

{#- An id of no letters is no id; for times and flags there is no empty text any more. -#}
{% macro lacks(column) -%}
    ("{{ column }}" is null or cast("{{ column }}" as varchar) = '')
{%- endmacro %}

{% macro lack_of(column) -%}
    case when {{ is_unread(column) }} then '{{ column }} cannot be read' else '{{ column }} is missing' end
{%- endmacro %}

{% macro is_unread(column) -%}
    coalesce(json_exists(unread, '$."{{ column }}"'), false)
{%- endmacro %}

{#- Whether a text is JSON of the type that the column has to be; null for null. The first letter of valid JSON tells
    its type, which saves parsing millions of rows once more. -#}
{% macro is_json(column, type) -%}
    (json_valid({{ column }}) and left(ltrim({{ column }}, e' \t\r\n'), 1) = '{{ {"OBJECT": "{", "ARRAY": "["}[type] }}')
{%- endmacro %}

{#- The text if it is JSON of this type, else null. -#}
{% macro json_or_null(column, type) -%}
    case when {{ is_json(column, type) }} then {{ column }} end
{%- endmacro %}

{#- A whole landed row as JSON text: what was said, without the nulls. -#}
{% macro row_as_json(alias) -%}
    cast(
        json_merge_patch(
            '{}',
            to_json({{ alias }}),
            '{"file_no": null, "row_no": null, "unread": null, "problem": null}',
            coalesce(unread, '{}')
        ) as varchar
    )
{%- endmacro %}
