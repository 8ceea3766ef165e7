with logged as (
    select * from {{ ref('segment_metrics_log') }}
    where run_no = {{ published_run() }}
),

channels as (
    select
        segment_no,
        users,
        unnest(['push', 'web_push', 'email', 'sms', 'whatsapp']) as channel,
        unnest([push, web_push, email, sms, whatsapp]) as reachable
    from logged
)

select
    n.segment,
    c.channel,
    c.users,
    c.reachable,
    case when c.users > 0 then 100 * c.reachable / c.users end as percentage
from channels as c
join {{ ref('segment_names') }} as n on c.segment_no = n.segment_no
