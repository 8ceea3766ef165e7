-- Recorded runs of one day add up: its size is the last one's, its flows are the sum. What was recorded is what
-- messages went by, so a reconstruction of that day shows only if somebody asked for it over the record, and neither a
-- later record nor a later plain reconstruction took its place.
with recorded as (
    select
        segment_no,
        day,
        max(run_no) as run_no,
        arg_max(users, run_no) as users,
        arg_max(ios, run_no) as ios,
        arg_max(android, run_no) as android,
        arg_max(web, run_no) as web,
        sum(entered) as entered,
        sum(left_count) as left_count,
        false as reconstructed,
        true as counts
    from {{ ref('segment_size_log') }}
    where run_no <= {{ published_run() }}
    group by segment_no, day
),

past as (
    select
        segment_no,
        day,
        run_no,
        users,
        ios,
        android,
        web,
        entered,
        left_count,
        true as reconstructed,
        coalesce(over_recorded, false) as counts
    from {{ ref('segment_size_past') }}
    where
        run_no in (
            select run_no from {{ source('raw', 'runs') }}
            where is_published
        )
    qualify row_number() over (partition by segment_no, day order by run_no desc) = 1
),

all_days as (
    select * from recorded
    union all
    select * from past
),

shown as (
    select *
    from all_days
    qualify row_number() over (partition by segment_no, day order by counts desc, run_no desc) = 1
)

select
    n.segment,
    s.day,
    s.users::bigint as users,
    s.ios::bigint as ios,
    s.android::bigint as android,
    s.web::bigint as web,
    s.entered::bigint as entered,
    s.left_count::bigint as "left",
    s.reconstructed
from shown as s
join {{ ref('segment_names') }} as n on s.segment_no = n.segment_no
