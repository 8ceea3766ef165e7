with logged as (
    select * from {{ ref('segment_metrics_log') }}
    where run_no = {{ published_run() }}
),

messages as (
    select
        segment,
        count(*) as messages_using,
        count(*) filter (where status in ('draft', 'scheduled')) as engagement,
        sum(sent) as message_sent,
        favg(click_rate) filter (
            where role = 'included' and lower(channel) = 'push' and status = 'sent'
        ) as push_click_average
    from {{ ref('segment_messages') }}
    group by segment
),

readers as (
    select
        segment,
        count(*) as dependents
    from {{ ref('segment_dependents') }}
    where kind = 'segment'
    group by segment
)

select
    n.segment,
    l.users,
    l.ios,
    l.android,
    l.web,
    coalesce(m.message_sent, 0)::bigint as message_sent,
    m.push_click_average,
    case when l.users > 0 then l.opens / 3 / l.users end as average_monthly_app_opens,
    case when l.sessions > 0 then l.seconds / l.sessions end as average_time_in_app,
    l.revenue / 3 as monthly_revenue_total,
    case when l.users > 0 then l.revenue / 3 / l.users end as monthly_revenue_per_member,
    coalesce(m.messages_using, 0)::bigint as messages_using,
    coalesce(m.engagement, 0)::bigint as engagement,
    coalesce(r.dependents, 0)::bigint as dependents,
    l.as_of
from logged as l
join {{ ref('segment_names') }} as n on l.segment_no = n.segment_no
left join messages as m on n.segment = m.segment
left join readers as r on n.segment = r.segment
