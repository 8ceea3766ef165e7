{#- One form for identifiers that people and vendors write in many, so that the two sides of a match are written alike.
    Each macro takes an SQL expression of text and gives text, null where there is nothing that could be looked up. -#}

{#- Spaces of all kinds, and the marks nobody sees that come along when somebody copies from a table or a phone book. -#}
{% macro blanks() -%}
    ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)
    {%- for code in [160, 8199, 8203, 8206, 8207, 8234, 8236, 8239, 8288, 12288, 65279] %} || chr({{ code }}){% endfor %}
{%- endmacro %}

{#- An id to the letter: case and leading zeros are part of it, blanks around it are not. -#}
{% macro clean_id(text) -%}
    nullif(trim({{ text }}, {{ blanks() }}), '')
{%- endmacro %}

{#- Lower case, one letter for one; without something on both sides of one @, and nothing blank inside, it is none. -#}
{% macro clean_email(text) -%}
    case
        when regexp_full_match(trim({{ text }}, {{ blanks() }}), '[^@\s]+@[^@\s]+')
            then lower(trim({{ text }}, {{ blanks() }}))
    end
{%- endmacro %}

{#- International: + and 8 to 15 digits, once spaces and dashes are out. A number without + is of no country. -#}
{% macro clean_phone(text) -%}
    case
        when regexp_full_match({{ without_dashes(text) }}, '\+[0-9]{8,15}')
            then {{ without_dashes(text) }}
    end
{%- endmacro %}

{% macro without_dashes(text) -%}
    translate(
        {{ text }},
        {{ blanks() }} || '-'
        {%- for code in [8208, 8209, 8210, 8211, 8212, 8722] %} || chr({{ code }}){% endfor %},
        ''
    )
{%- endmacro %}
