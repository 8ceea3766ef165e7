{{ config(materialized='view') }}
-- A user who has the value under several strategies stands here once for each.
with users as (
    select
        p.person_no,
        u.external_id,
        u.email,
        u.msisdn,
        u.attributes
    from {{ ref('stg_users') }} as u
    join {{ ref('people') }} as p on p.source = '' and u.user_id = p.id
),

attributes as (
    select distinct
        strategy,
        key,
        path
    from {{ source('raw', 'match_strategies') }}
    where key is not null
),

keys as (
    select
        'external_id' as strategy,
        {{ clean_id('external_id') }} as value,
        person_no
    from users
    union all
    select
        'email' as strategy,
        {{ clean_email('email') }} as value,
        person_no
    from users
    union all
    select
        'msisdn' as strategy,
        {{ clean_phone('msisdn') }} as value,
        person_no
    from users
    union all
    select
        a.strategy,
        {{ clean_id('coalesce(json_extract_string(u.attributes, a.key), json_extract_string(u.attributes, a.path))') }}
            as value,
        u.person_no
    from attributes as a
    cross join users as u
)

select * from keys
where value is not null
