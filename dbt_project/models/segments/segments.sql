-- Status follows from what happened in the runs: nothing sets it.
with definitions as (
    select * from {{ source('raw', 'segment_definitions') }}
    where mode = 'present' and run_no <= {{ published_run() }}
    qualify row_number() over (partition by segment order by run_no desc) = 1
),

now as (
    select as_of from {{ source('raw', 'runs') }}
    where run_no = {{ published_run() }}
),

sizes as (
    select
        segment_no,
        arg_max(users, run_no) as users,
        arg_max(test_users, run_no) as test_users,
        max(as_of) as updated_at
    from {{ ref('segment_size_log') }}
    where run_no <= {{ published_run() }}
    group by segment_no
),

sent as (
    select
        segment,
        sum(sent) as message_sent
    from {{ ref('segment_messages') }}
    group by segment
)

select
    d.segment,
    d.title,
    d.kind,
    case
        when d.outcome = 'deleted' then 'deleted'
        when d.outcome = 'failed' then 'failed'
        when d.outcome in ('paused', 'idle') then 'not_active'
        when s.updated_at is null or d.outcome = 'waiting' then 'calculating'
        when d.outcome = 'stale' then 'stale'
        else 'ready'
    end as status,
    coalesce(s.users, 0)::bigint as users,
    coalesce(m.message_sent, 0)::bigint as message_sent,
    d.refresh,
    d.ready_to_use,
    d.created_by,
    d.created_on,
    s.updated_at,
    d.definition_hash,
    coalesce(d.reason, p.reason) as reason,
    d.description,
    d.labels,
    d.file,
    s.test_users::bigint as test_users,
    d.visible_from,
    d.visible_until,
    coalesce(
        d.visible_from <= now.as_of and (d.visible_until > now.as_of or d.visible_until is null), false
    ) as is_visible,
    d.summary
from definitions as d
cross join now
left join sizes as s on d.segment_no = s.segment_no
left join sent as m on d.segment = m.segment
left join {{ ref('segment_predictions') }} as p on d.segment = p.segment
