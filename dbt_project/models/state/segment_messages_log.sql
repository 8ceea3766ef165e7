{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_all_but_published() }}"
) }}
-- What each message came to among the members of each segment it is for, as members were when it went out to them.
-- Before a segment was calculated for the first time nobody knows who was in it, so every send counts.
with listed as (
    select
        segment,
        segment_no
    from {{ source('raw', 'segment_definitions') }}
    where run_no = {{ this_run() }} and mode = 'present'
),

named as (
    select
        message_id,
        unnest(from_json(segments, '["VARCHAR"]')) as segment,
        'included' as role
    from {{ ref('stg_messages') }}
    union all
    select
        message_id,
        unnest(from_json(excluded_segments, '["VARCHAR"]')) as segment,
        'excluded' as role
    from {{ ref('stg_messages') }}
),

-- A segment that a message names on both sides gets nothing of it.
targets as (
    select
        n.message_id,
        l.segment_no,
        min(n.role) as role
    from named as n
    join listed as l on n.segment = l.segment
    group by n.message_id, l.segment_no
),

calculated as (
    select
        segment_no,
        min(as_of) as first_as_of
    from {{ ref('segment_size_log') }}
    group by segment_no
),

-- A row that landed twice is one event.
happened as materialized (
    select distinct
        message_id,
        user_id,
        kind,
        ts,
        revenue
    from {{ ref('stg_message_events') }}
    where
        ts < {{ this_run('as_of') }}
        and kind in ('sent', 'failed', 'delivered', 'clicked', 'converted')
        and message_id in (
            select message_id from targets
            where role = 'included'
        )
),

outcomes as (
    select
        message_id,
        user_id,
        min(ts) as first_at,
        bool_or(kind = 'sent') as was_sent,
        bool_or(kind = 'delivered') as is_delivered,
        bool_or(kind = 'clicked') as has_clicked,
        count(*) filter (where kind = 'failed') as failed,
        count(*) filter (where kind = 'converted') as conversions,
        sum(revenue) filter (where kind = 'converted' and isfinite(revenue)) as revenue
    from happened
    group by message_id, user_id
),

-- Without a send of their own, users got a message when it went out.
sends as (
    select distinct
        message_id,
        user_id,
        ts,
        1 as sent
    from happened
    where kind = 'sent'
    union all
    select
        o.message_id,
        o.user_id,
        coalesce(m.sent_at, o.first_at) as ts,
        0 as sent
    from outcomes as o
    join {{ ref('stg_messages') }} as m on o.message_id = m.message_id
    where not o.was_sent
),

aimed as (
    select
        t.segment_no,
        s.message_id,
        s.user_id,
        s.ts,
        s.sent,
        coalesce(s.ts < c.first_as_of, true) as is_before_all
    from sends as s
    join targets as t on s.message_id = t.message_id and t.role = 'included'
    left join calculated as c on t.segment_no = c.segment_no
),

received as (
    select
        segment_no,
        message_id,
        user_id,
        sent
    from aimed
    where is_before_all
    union all
    select
        a.segment_no,
        a.message_id,
        a.user_id,
        a.sent
    from aimed as a
    join {{ ref('people') }} as p on p.source = '' and a.user_id = p.id
    join {{ ref('segment_stays') }} as s
        on
            a.segment_no = s.segment_no
            and p.person_no = s.person_no
            and a.ts >= s.valid_from
            and (a.ts < s.valid_to or s.valid_to is null)
    where not a.is_before_all
),

recipients as (
    select
        segment_no,
        message_id,
        user_id,
        sum(sent) as sent
    from received
    group by segment_no, message_id, user_id
),

counted as (
    select
        r.segment_no,
        r.message_id,
        count(*) as recipients,
        sum(r.sent) as sent,
        sum(o.failed) as failed,
        count(*) filter (where o.is_delivered) as delivered,
        count(*) filter (where o.has_clicked) as clicked,
        count(*) filter (where o.is_delivered and not o.has_clicked) as not_clicked,
        sum(o.conversions) as conversions,
        sum(o.revenue) as revenue
    from recipients as r
    join outcomes as o on r.message_id = o.message_id and r.user_id = o.user_id
    group by r.segment_no, r.message_id
),

went_out as (
    select
        message_id,
        min(ts) as first_sent_at
    from sends
    where sent = 1
    group by message_id
)

select
    {{ this_run() }}::uinteger as run_no,
    t.segment_no::usmallint as segment_no,
    t.message_id,
    m.title,
    m.channel,
    lower(m.status) as status,
    m.created_at,
    coalesce(m.sent_at, w.first_sent_at) as sent_at,
    t.role,
    coalesce(c.recipients, 0)::bigint as recipients,
    coalesce(c.sent, 0)::bigint as sent,
    coalesce(c.failed, 0)::bigint as failed,
    coalesce(c.delivered, 0)::bigint as delivered,
    coalesce(c.clicked, 0)::bigint as clicked,
    coalesce(c.not_clicked, 0)::bigint as not_clicked,
    coalesce(c.conversions, 0)::bigint as conversions,
    round(coalesce(c.revenue, 0), 6) as revenue
from targets as t
join {{ ref('stg_messages') }} as m on t.message_id = m.message_id
left join counted as c on t.segment_no = c.segment_no and t.message_id = c.message_id
left join went_out as w on t.message_id = w.message_id
order by t.segment_no, t.message_id
