{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_old_matches() }}") }}
-- Whom each row of a list names, among the users there are now: somebody who registers later is found later.
with users as (
    select
        p.person_no,
        {{ clean_id('u.user_id') }} as value
    from {{ ref('stg_users') }} as u
    join {{ ref('people') }} as p on p.source = '' and u.user_id = p.id
),

-- How many users answer to an identifier, and the first of them.
by_user_id as (
    select
        value,
        count(*) as users,
        min(person_no) as person_no
    from users
    group by value
),

by_external_id as (
    {{ users_by('external_id') }}
),

by_email as (
    {{ users_by('email') }}
),

by_msisdn as (
    {{ users_by('msisdn') }}
),

uploads as (
    select
        upload_no,
        segment,
        list_no
    from {{ uploads_until() }}
),

identities as (
    select
        r.row_no,
        r.upload_no,
        u.segment,
        u.list_no,
        r.type,
        r.problem,
        case when r.problem is null then r.identity end as identity
    from {{ source('raw', 'list_rows') }} as r
    join uploads as u on r.upload_no = u.upload_no
),

-- The first strategy that finds anybody decides: an external id that two users share is not settled by an e-mail.
found as not materialized (
    select
        i.row_no,
        i.upload_no,
        i.segment,
        i.list_no,
        i.problem,
        case
            when g.value is not null then 'user_id'
            when e.value is not null then 'external_id'
            when m.value is not null then 'email'
            when t.value is not null then 'msisdn'
        end as strategy,
        coalesce(g.users, e.users, m.users, t.users, 0) as users,
        coalesce(g.person_no, e.person_no, m.person_no, t.person_no) as first_no
    from identities as i
    left join by_user_id as g on i.type = 'g' and i.identity = g.value
    left join by_external_id as e on i.type = 'i' and i.identity = e.value
    left join by_email as m on i.type = 'i' and {{ clean_email('i.identity') }} = m.value
    left join by_msisdn as t on i.type = 'i' and {{ clean_phone('i.identity') }} = t.value
),

-- A person counts in the row that names them first, by whatever identity.
first_rows as (
    select min(row_no) as row_no
    from found
    where users = 1
    group by segment, list_no, first_no
)

select
    {{ this_run() }}::uinteger as run_no,
    f.row_no,
    f.upload_no,
    case
        when f.problem is not null then f.problem
        when d.row_no is not null or (f.users = 1 and o.row_no is null) then 'duplicate'
        when f.users = 0 then 'not_found'
        when f.users > 1 then 'ambiguous'
        else 'matched'
    end as outcome,
    f.strategy,
    case when f.users = 1 then f.first_no end as person_no
from found as f
left join first_rows as o on f.row_no = o.row_no
left join {{ source('raw', 'list_repeats') }} as d on f.row_no = d.row_no
