-- An id that came with events is matched by itself, and by the e-mail and phone that the connector's latest audience
-- members give for it. It never becomes a user: an id without exactly one keeps a number that is nobody's.
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
        i.connector,
        m.email,
        m.msisdn
    from ids as i
    join {{ ref('stg_audience_members') }} as m
        on i.connector = m.connector and i.id = {{ person_id('m.connector_user_id') }}
    qualify m.fetched_at = max(m.fetched_at) over (partition by i.claim_no)
),

claims as (
    select
        claim_no,
        connector,
        'id' as kind,
        id as value
    from ids
    where id is not null
    union all
    select
        claim_no,
        connector,
        'email' as kind,
        {{ clean_email('email') }} as value
    from members
    union all
    select
        claim_no,
        connector,
        'phone' as kind,
        {{ clean_phone('msisdn') }} as value
    from members
)

select
    p.source,
    p.id as source_user_id,
    p.person_no,
    case when m.users = 1 then m.person_no end as user_no,
    case when m.users = 1 then 'matched' when m.users > 1 then 'ambiguous' else 'not_found' end as outcome,
    m.strategy
from {{ ref('people') }} as p
left join {{ matched('claims') }} as m on p.person_no = m.claim_no
where p.source <> ''
