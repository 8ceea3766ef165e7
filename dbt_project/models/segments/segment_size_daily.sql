-- Recorded runs of one day add up: its size is the last one's, its flows are the sum. A day that was reconstructed
-- later shows the reconstruction.
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
        false as reconstructed
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
        true as reconstructed
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

latest as (
    select *
    from all_days
    qualify row_number() over (partition by segment_no, day order by run_no desc) = 1
)

select
    n.segment,
    l.day,
    l.users::bigint as users,
    l.ios::bigint as ios,
    l.android::bigint as android,
    l.web::bigint as web,
    l.entered::bigint as entered,
    l.left_count::bigint as "left",
    l.reconstructed
from latest as l
join {{ ref('segment_names') }} as n on l.segment_no = n.segment_no
