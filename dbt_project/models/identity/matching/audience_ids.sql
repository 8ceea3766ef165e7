-- Each set of identifiers is matched once, however many audiences and pulls it is in.
with ids as (
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

given as (
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
    select
        claim_no,
        connector,
        'id' as kind,
        id as value
    from given
    where id is not null
    union all
    select
        claim_no,
        connector,
        'email' as kind,
        email as value
    from given
    where email is not null
    union all
    select
        claim_no,
        connector,
        'phone' as kind,
        phone as value
    from given
    where phone is not null
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
    join {{ ref('match_rules') }} as r on g.connector = r.connector
    group by g.claim_no
)

select
    i.connector,
    i.connector_user_id,
    i.email,
    i.msisdn,
    case
        when m.users = 1 then 'matched'
        when m.users > 1 then 'ambiguous'
        when l.has_any then 'not_found'
        when l.was_given_any then 'invalid_format'
        else 'no_identifier'
    end as outcome,
    m.strategy,
    case when m.users = 1 then m.person_no end as person_no
from ids as i
join looked_at as l on i.claim_no = l.claim_no
left join {{ matched('claims') }} as m on i.claim_no = m.claim_no
