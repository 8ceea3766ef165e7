{#- One form for identifiers that people and vendors write in many, so that the two sides of a match are written alike.
    Each macro takes an SQL expression of text and gives text, null where there is nothing that could be looked up. -#}

{#- Spaces of all kinds, and the marks nobody sees that come along when somebody copies from a table or a phone book. -#}
{% macro blank() -%} \s\v\pZ\p{Cc}\p{Cf} {%- endmacro %}

{% macro trimmed(text) -%}
    regexp_replace({{ text }}, '^[{{ blank() }}]+|[{{ blank() }}]+$', '', 'g')
{%- endmacro %}

{#- An id to the letter: case and leading zeros are part of it, blanks around it are not. -#}
{% macro clean_id(text) -%}
    nullif({{ trimmed(text) }}, '')
{%- endmacro %}

{#- Lower case, one letter for one; without something on both sides of one @, and nothing blank inside, it is none. -#}
{% macro clean_email(text) -%}
    nullif(lower(regexp_extract({{ trimmed(text) }}, '^[^@{{ blank() }}]+@[^@{{ blank() }}]+$')), '')
{%- endmacro %}

{#- International: + and 8 to 15 digits, once spaces and dashes are out. A number without + is of no country. -#}
{% macro clean_phone(text) -%}
    nullif(
        regexp_extract(
            regexp_replace({{ text }}, '[{{ blank() }}\p{Pd}\x{2212}]', '', 'g'),
            '^\+[0-9]{8,15}$'
        ),
        ''
    )
{%- endmacro %}

{#- All of these as one text, which differs when any of them is written in another way. -#}
{% macro form_of_ids() -%}
    {{ clean_id('') ~ clean_email('') ~ clean_phone('') }}
{%- endmacro %}
