-- The latest computation of every segment that predicts; one that became another kind since predicts no more.
with latest as (
    select
        segment_no,
        max(run_no) as run_no,
        arg_max(users, run_no) as users
    from {{ ref('segment_size_log') }}
    where run_no <= {{ published_run() }}
    group by segment_no
)

select
    n.segment,
    p.as_of,
    p.status,
    p.reason,
    p.positives::bigint as positives,
    p.trained_on::bigint as trained_on,
    p.held_out::bigint as held_out,
    p.threshold,
    p.held_out_precision,
    p.held_out_recall,
    l.users::bigint as members
from {{ ref('segment_predictions_log') }} as p
join latest as l on p.segment_no = l.segment_no and p.run_no = l.run_no
join {{ ref('segment_names') }} as n on p.segment_no = n.segment_no
