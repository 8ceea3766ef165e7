-- The page that marketers choose from: what the last run shows as ready to use.
with definitions as (
    select * from {{ source('raw', 'segment_definitions') }}
    where mode = 'present' and run_no <= {{ published_run() }}
),

calculated as (
    select
        segment,
        arg_max(title, run_no) as title,
        arg_max(summary, run_no) filter (where is_computed) as summary
    from definitions
    group by segment
)

select
    s.segment,
    c.title,
    case when s.updated_at is not null then s.users end as users,
    coalesce(c.summary, s.summary) as summary,
    s.status,
    s.updated_at,
    s.visible_from
from {{ ref('segments') }} as s
join calculated as c on s.segment = c.segment
where s.is_visible
