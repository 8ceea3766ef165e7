{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_all_but_published() }}"
) }}
-- Sums over the current members of every segment, computed in this run or not: people do things without a rule being
-- asked again. Each member is looked at once, with everything that is known of the person in one row.
with listed as (
    select segment_no
    from {{ source('raw', 'segment_definitions') }}
    where run_no = {{ this_run() }} and mode = 'present'
),

summed as (
    select
        s.segment_no,
        count(*) as users,
        count(*) filter (where p.is_ios) as ios,
        count(*) filter (where p.is_android) as android,
        count(*) filter (where p.is_web) as web,
        count(*) filter (where f.push) as push,
        count(*) filter (where f.web_push) as web_push,
        count(*) filter (where f.email) as email,
        count(*) filter (where f.sms) as sms,
        count(*) filter (where f.whatsapp) as whatsapp,
        sum(f.opens) as opens,
        sum(f.sessions) as sessions,
        sum(f.seconds) as seconds,
        sum(f.revenue) as revenue
    from {{ ref('segment_stays') }} as s
    left join {{ ref('user_platforms') }} as p on s.person_no = p.person_no
    left join {{ ref('person_facts') }} as f on s.person_no = f.person_no
    where s.run_to is null
    group by s.segment_no
)

-- Sums of fractions depend on the order of rows in their last digits, so they are rounded like those of rules.
select
    {{ this_run() }}::uinteger as run_no,
    l.segment_no::usmallint as segment_no,
    {{ this_run('as_of') }} as as_of,
    coalesce(s.users, 0)::bigint as users,
    coalesce(s.ios, 0)::bigint as ios,
    coalesce(s.android, 0)::bigint as android,
    coalesce(s.web, 0)::bigint as web,
    coalesce(s.push, 0)::bigint as push,
    coalesce(s.web_push, 0)::bigint as web_push,
    coalesce(s.email, 0)::bigint as email,
    coalesce(s.sms, 0)::bigint as sms,
    coalesce(s.whatsapp, 0)::bigint as whatsapp,
    coalesce(s.opens, 0)::bigint as opens,
    coalesce(s.sessions, 0)::bigint as sessions,
    round(coalesce(s.seconds, 0), 6) as seconds,
    round(coalesce(s.revenue, 0), 6) as revenue
from listed as l
left join summed as s on l.segment_no = s.segment_no
order by l.segment_no
