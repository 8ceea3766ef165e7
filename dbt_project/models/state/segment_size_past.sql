{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ forget_past_day() }}"
) }}
-- A past day as it would have been: members at its end against members at its start, both computed today. The present
-- is neither read nor touched.
{%- set sides = {
    'at_end': ref('segment_bits_now'),
    'at_start': source('plan', 'segment_bits_before'),
} %}
with computed as (
    select segment_no
    from {{ source('raw', 'segment_definitions') }}
    where run_no = {{ this_run() }} and is_computed and mode = 'past'
),

at_end as (
    select
        segment_no,
        person_no
    from {{ members_of(sides['at_end']) }}
),

at_start as (
    select
        segment_no,
        person_no
    from {{ members_of(sides['at_start']) }}
),

both_sides as (
    select
        coalesce(e.segment_no, s.segment_no) as segment_no,
        coalesce(e.person_no, s.person_no) as person_no,
        e.person_no is not null as is_member,
        s.person_no is not null as was_member
    from at_end as e
    full join at_start as s on e.segment_no = s.segment_no and e.person_no = s.person_no
),

counted as (
    select
        b.segment_no,
        count(*) filter (where b.is_member) as users,
        count(*) filter (where b.is_member and p.is_ios) as ios,
        count(*) filter (where b.is_member and p.is_android) as android,
        count(*) filter (where b.is_member and p.is_web) as web,
        count(*) filter (where b.is_member and not b.was_member) as entered,
        count(*) filter (where b.was_member and not b.is_member) as left_count
    from both_sides as b
    left join {{ ref('user_platforms') }} as p on b.person_no = p.person_no
    group by b.segment_no
)

select
    {{ this_run() }}::uinteger as run_no,
    c.segment_no,
    {{ this_run('as_of') }} as as_of,
    {{ this_run('day') }} as day,
    coalesce(n.users, 0) as users,
    coalesce(n.ios, 0) as ios,
    coalesce(n.android, 0) as android,
    coalesce(n.web, 0) as web,
    coalesce(n.entered, 0) as entered,
    coalesce(n.left_count, 0) as left_count,
    {{ this_run('over_recorded') }} as over_recorded
from computed as c
left join counted as n on c.segment_no = n.segment_no
order by c.segment_no
