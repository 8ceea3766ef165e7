-- An id that came with events is matched by itself, and by the e-mail and phone that the connector's latest audience
-- members give for it. It never becomes a user: an id without exactly one keeps a number that is nobody's.
{%- set carried = {
    'person_no': 'uinteger', 'user_no': 'uinteger', 'outcome': 'varchar', 'strategy': 'varchar', 'said': 'ubigint',
    'rules': 'varchar', 'state': 'ubigint',
} %}
with ids as (
    select
        person_no as claim_no,
        source as connector,
        {{ person_id('id') }} as id
    from {{ ref('people') }}
    where source <> ''
),

members as (
    select
        i.claim_no,
        m.email,
        m.msisdn
    from ids as i
    join {{ ref('stg_audience_members') }} as m
        on i.connector = m.connector and i.id = {{ person_id('m.connector_user_id') }}
    qualify m.fetched_at = max(m.fetched_at) over (partition by i.claim_no)
),

given as materialized (
    select distinct
        i.claim_no,
        i.connector,
        i.id,
        {{ clean_email('m.email') }} as email,
        {{ clean_phone('m.msisdn') }} as phone
    from ids as i
    left join members as m on i.claim_no = m.claim_no
),

claims as (
    select * from {{ claims_of('given') }}
),

said as materialized (
    select
        g.claim_no,
        any_value(r.rules) as rules,
        bit_xor(hash(g.id, g.email, g.phone)) as said
    from given as g
    join {{ rules_as_text() }} as r on g.connector = r.connector
    group by g.claim_no
),

kept as materialized (
    select
        s.claim_no,
        e.user_no,
        e.outcome,
        e.strategy
    from said as s
    join {{ earlier(carried) }} as e on s.claim_no = e.person_no and s.said = e.said and s.rules = e.rules
    join {{ state_of_users() }} as users on e.state = users.state or e.state = users.before
    anti join {{ touched('claims') }} as t on s.claim_no = t.claim_no
),

to_match as (
    select * from claims
    anti join kept using (claim_no)
)

select
    p.source,
    p.id as source_user_id,
    p.person_no,
    coalesce(k.user_no, case when m.users = 1 then m.person_no end) as user_no,
    case
        when k.outcome is not null then k.outcome
        when m.users = 1 then 'matched'
        when m.users > 1 then 'ambiguous'
        else 'not_found'
    end as outcome,
    coalesce(k.strategy, m.strategy) as strategy,
    k.claim_no is null as is_anew,
    s.said,
    s.rules,
    (select state from {{ state_of_users() }}) as state
from {{ ref('people') }} as p
join said as s on p.person_no = s.claim_no
left join kept as k on p.person_no = k.claim_no
left join {{ matched('to_match') }} as m on p.person_no = m.claim_no
where p.source <> ''
