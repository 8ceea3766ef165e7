select
    n.segment,
    m.message_id,
    m.title,
    m.channel,
    m.status,
    case when m.status = 'sent' then coalesce(m.sent_at, m.created_at) else m.created_at end as date,
    m.role,
    m.sent,
    m.failed,
    m.clicked,
    m.not_clicked,
    m.conversions,
    m.revenue as revenue_total,
    case when m.recipients > 0 then m.revenue / m.recipients end as revenue_per_user,
    m.recipients,
    m.delivered,
    case when m.delivered > 0 then (m.delivered - m.not_clicked) / m.delivered end as click_rate,
    m.sent_at
from {{ ref('segment_messages_log') }} as m
join {{ ref('segment_names') }} as n on m.segment_no = n.segment_no
where m.run_no = {{ published_run() }}
