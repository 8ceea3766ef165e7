-- The cards above the list of segments. A campaign is a sent message, in the month that ends with the run.
with run as (
    select
        as_of,
        month_start
    from {{ source('raw', 'runs') }}
    where run_no = {{ published_run() }}
),

present as (
    select
        segment,
        status
    from {{ ref('segments') }}
    where status <> 'deleted'
),

campaigns as (
    select
        m.segment,
        m.message_id,
        m.sent,
        m.click_rate
    from {{ ref('segment_messages') }} as m
    cross join run
    join present as p on m.segment = p.segment
    where m.role = 'included' and m.status = 'sent' and m.sent_at >= run.month_start and m.sent_at < run.as_of
),

most_used as (
    select
        segment,
        count(*) as campaigns
    from campaigns
    group by segment
    order by campaigns desc, sum(sent) desc, segment
    limit 1
),

most_successful as (
    select
        segment,
        favg(click_rate) as value,
        count(*) as campaigns
    from campaigns
    where click_rate is not null
    group by segment
    order by value desc, sum(sent) desc, segment
    limit 1
),

active as (
    select count(*) as segments
    from present
    where status <> 'not_active'
)

select
    'active_segment_count' as card,
    null::varchar as segment,
    segments::double as value,
    null::bigint as campaigns
from active
union all
select
    'most_used_segment' as card,
    any_value(segment) as segment,
    any_value(campaigns)::double as value,
    any_value(campaigns) as campaigns
from most_used
union all
select
    'most_successful_segment' as card,
    any_value(segment) as segment,
    any_value(value) as value,
    any_value(campaigns) as campaigns
from most_successful
