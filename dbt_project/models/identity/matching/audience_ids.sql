-- Each set of identifiers is matched once, however many audiences and pulls it is in, and matched anew only if
-- something that its match rests on has changed.
{%- set carried = {
    'connector': 'varchar', 'connector_user_id': 'varchar', 'email': 'varchar', 'msisdn': 'varchar',
    'outcome': 'varchar', 'strategy': 'varchar', 'person_no': 'uinteger', 'rules': 'varchar', 'state': 'ubigint',
} %}
with ids as materialized (
    select
        row_number() over () as claim_no,
        *
    from (
        select distinct
            connector,
            connector_user_id,
            email,
            msisdn
        from {{ ref('stg_audience_members') }}
    )
),

given as materialized (
    select
        claim_no,
        connector,
        {{ person_id('connector_user_id') }} as id,
        {{ clean_email('email') }} as email,
        {{ clean_phone('msisdn') }} as phone,
        {{ clean_id('email') }} is not null as has_email,
        {{ clean_id('msisdn') }} is not null as has_phone
    from ids
),

claims as (
    select * from {{ claims_of('given') }}
),

kept as materialized (
    select
        i.claim_no,
        e.outcome,
        e.strategy,
        e.person_no
    from ids as i
    join {{ earlier(carried) }} as e
        on
            i.connector = e.connector
            and i.connector_user_id is not distinct from e.connector_user_id
            and i.email is not distinct from e.email
            and i.msisdn is not distinct from e.msisdn
    join {{ rules_as_text() }} as r on e.connector = r.connector and e.rules = r.rules
    join {{ state_of_users() }} as users on e.state = users.state or e.state = users.before
    anti join {{ touched('claims') }} as t on i.claim_no = t.claim_no
),

to_match as (
    select * from claims
    anti join kept using (claim_no)
),

-- An identifier that no strategy of the connector looks at is none.
looked_at as (
    select
        g.claim_no,
        bool_or(
            (r.kind = 'id' and g.id is not null)
            or (r.kind = 'email' and g.email is not null)
            or (r.kind = 'phone' and g.phone is not null)
        ) as has_any,
        bool_or((r.kind = 'email' and g.has_email) or (r.kind = 'phone' and g.has_phone)) as was_given_any
    from given as g
    anti join kept as k on g.claim_no = k.claim_no
    join {{ ref('match_rules') }} as r on g.connector = r.connector
    group by g.claim_no
)

select
    i.connector,
    i.connector_user_id,
    i.email,
    i.msisdn,
    case
        when k.outcome is not null then k.outcome
        when m.users = 1 then 'matched'
        when m.users > 1 then 'ambiguous'
        when l.has_any then 'not_found'
        when l.was_given_any then 'invalid_format'
        else 'no_identifier'
    end as outcome,
    coalesce(k.strategy, m.strategy) as strategy,
    coalesce(k.person_no, case when m.users = 1 then m.person_no end) as person_no,
    k.claim_no is null as is_anew,
    r.rules,
    (select state from {{ state_of_users() }}) as state
from ids as i
join {{ rules_as_text() }} as r on i.connector = r.connector
left join kept as k on i.claim_no = k.claim_no
left join looked_at as l on i.claim_no = l.claim_no
left join {{ matched('to_match') }} as m on i.claim_no = m.claim_no
