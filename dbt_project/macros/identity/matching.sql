{#- Connectors' ids find their users by strategies in a configured order: the first that finds anybody decides. If it
    finds one user the id is matched; if it finds more it is ambiguous, and no later strategy is asked, since that would
    be a guess between people. -#}

{#- What `given` (claim_no, connector, id, email, phone, all in one form) says, a row for each thing said: claim_no,
    connector, kind, value. Of one claim_no there may be several rows. -#}
{% macro claims_of(given) -%}
    (
        select claim_no, connector, said.kind, said.value
        from (
            select
                claim_no,
                connector,
                unnest([
                    struct_pack(kind := 'id', value := id),
                    struct_pack(kind := 'email', value := email),
                    struct_pack(kind := 'phone', value := phone)
                ]) as said
            from {{ given }}
        )
        where said.value is not null
    )
{%- endmacro %}

{#- What `claims` come to: claim_no, strategy, users found by it, and the person. A claim that nothing is found for has
    no row. -#}
{% macro matched(claims) -%}
    (
        select
            claim_no,
            arg_min(strategy, place) as strategy,
            arg_min(users, place) as users,
            arg_min(person_no, place) as person_no
        from (
            select
                claims.claim_no,
                rules.place,
                rules.strategy,
                count(distinct known.person_no) as users,
                min(known.person_no) as person_no
            from {{ claims }} as claims
            join {{ ref('match_rules') }} as rules
                on claims.connector = rules.connector and claims.kind = rules.kind
            join {{ ref('user_keys') }} as known on rules.strategy = known.strategy and claims.value = known.value
            group by claims.claim_no, rules.place, rules.strategy
        )
        group by claim_no
    )
{%- endmacro %}

{#- The id of a person at a connector, null where it is the id of a device alone. -#}
{% macro person_id(id) -%}
    case when not starts_with({{ clean_id(id) }}, '$device:') then {{ clean_id(id) }} end
{%- endmacro %}
