{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_unpublished() }}") }}
-- Counted from the stored stays, never carried over from an earlier count.
with tests as (
    select s.person_no
    from {{ ref('segment_stays') }} as s
    join {{ ref('segment_names') }} as n on s.segment_no = n.segment_no
    where n.segment = 'test_users' and s.run_to is null
),

computed as (
    select segment_no
    from {{ source('raw', 'segment_definitions') }}
    where run_no = {{ this_run() }} and is_computed and mode = 'present'
),

sizes as (
    select
        s.segment_no,
        count(*) as users,
        count(*) filter (where p.is_ios) as ios,
        count(*) filter (where p.is_android) as android,
        count(*) filter (where p.is_web) as web,
        count(t.person_no) as test_users
    from {{ ref('segment_stays') }} as s
    left join {{ ref('user_platforms') }} as p on s.person_no = p.person_no
    left join tests as t on s.person_no = t.person_no
    where s.run_to is null
    group by s.segment_no
),

flows as (
    select
        segment_no,
        count(*) filter (where change = 'entered') as entered,
        count(*) filter (where change = 'left') as left_count
    from {{ ref('segment_changes_log') }}
    where run_no = {{ this_run() }}
    group by segment_no
)

select
    {{ this_run() }}::uinteger as run_no,
    c.segment_no,
    {{ this_run('as_of') }} as as_of,
    {{ this_run('day') }} as day,
    coalesce(z.users, 0) as users,
    coalesce(z.ios, 0) as ios,
    coalesce(z.android, 0) as android,
    coalesce(z.web, 0) as web,
    coalesce(f.entered, 0) as entered,
    coalesce(f.left_count, 0) as left_count,
    coalesce(z.test_users, 0) as test_users
from computed as c
left join sizes as z on c.segment_no = z.segment_no
left join flows as f on c.segment_no = f.segment_no
order by c.segment_no
