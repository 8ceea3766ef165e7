{#- Matches are carried over from run to run. What came of an id depends on what is said of it, on the rules of its
    connector, and on the users who have one of the values said: while none of these has changed, neither has the match.
    Each match carries the rules and the state of users it was made in. One of another state than those that `user_ids`
    can tell the difference of, as after a run that died on the way, is not carried over. -#}

{#- The table that is about to be replaced, or nothing if there is none yet, or one of a version without these columns.
    `columns` are types by name. -#}
{% macro earlier(columns) -%}
    {%- set relation = load_relation(this) if execute else none -%}
    {%- set there = [] -%}
    {%- if relation and relation.type == 'table' -%}
        {%- set there = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- endif -%}
    {%- if columns | reject('in', there) | list -%}
        (
            select
                {%- for name, type in columns.items() %}
                null::{{ type }} as {{ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            where false
        )
    {%- else -%}
        (select {{ columns | join(', ') }} from {{ this }})
    {%- endif -%}
{%- endmacro %}

{#- The rules of each connector that has ids here, as one text. It names the SQL as well, so that another version of the
    project matches everything anew. -#}
{% macro rules_as_text() -%}
    (
        select
            connector,
            '{{ local_md5(model.raw_code ~ matched('') ~ claims_of('') ~ person_id('') ~ form_of_ids()) }}'
            || string_agg(' ' || strategy, '' order by place) as rules
        from {{ ref('match_rules') }}
        group by connector
    )
{%- endmacro %}

{#- The state of users that a match is made in, and the one that changes of users are told against: what their rows come
    to, so that equal states are equal users. -#}
{% macro state_of_users() -%}
    (
        select
            bit_xor(hash(person_no, mark)) filter (where not is_gone) as state,
            bit_xor(hash(person_no, mark)) filter (where not is_new) as before
        from {{ ref('user_ids') }}
    )
{%- endmacro %}

{#- What users have got or lost: strategy, value. What a user had before and has still is neither. Where all users are
    new there is nothing to compare with, and no match that could be carried over. -#}
{% macro touched_keys() -%}
    (
        select distinct strategy, value
        from (
            select strategy, value
            from {{ keys_of(
                '(is_gone or is_new and not (select bool_and(is_new) from ' ~ ref('user_ids') ~ '))'
            ) }}
            group by strategy, value, person_no
            having count(*) = 1
        )
    )
{%- endmacro %}

{#- Those of `claims` that name a value which some user has got or lost: claim_no. -#}
{% macro touched(claims) -%}
    (
        select distinct claims.claim_no
        from {{ claims }} as claims
        join {{ ref('match_rules') }} as rules
            on claims.connector = rules.connector and claims.kind = rules.kind
        join {{ touched_keys() }} as keys on rules.strategy = keys.strategy and claims.value = keys.value
    )
{%- endmacro %}
