-- A segment's row is that of its last calculation, as its members are; an audience that no segment names has the row of
-- the last run.
with logged as (
    select * from {{ ref('connector_segments_log') }}
    where run_no <= {{ published_run() }}
),

newest as (
    select * from logged
    where segment_no is not null or run_no = {{ published_run() }}
    qualify segment_no is null or row_number() over (partition by segment_no order by run_no desc) = 1
),

named as (
    select
        n.segment_no,
        s.segment,
        s.status,
        s.reason,
        s.message_sent
    from {{ ref('segments') }} as s
    join {{ ref('segment_names') }} as n on s.segment = n.segment
    where s.kind = 'connector'
)

select
    a.connector,
    a.audience_id,
    s.segment,
    a.name as segment_name,
    a.connector_users,
    a.fetched_users,
    a.with_identifier,
    a.known,
    a.netmera_users,
    a.reachable_push,
    case when a.connector_users > 0 then a.netmera_users / a.connector_users end as match_rate,
    a.no_identifier,
    a.not_found,
    a.ambiguous,
    a.invalid_format,
    coalesce(s.message_sent, 0)::bigint as message_sent,
    a.description,
    a.fetched_at as updated_at,
    a.last_pull_at,
    case
        when s.segment is not null then s.status
        when a.fetched_at is null then 'failed'
        when not a.last_is_good or a.failure is not null then 'stale'
        else 'ready'
    end as status,
    case
        when s.segment is not null then s.reason
        when a.failure is not null then a.failure
        when not a.last_is_good then 'the last pull brought far fewer users than the vendor reported'
    end as reason
from newest as a
left join named as s on a.segment_no = s.segment_no
where a.segment_no is null or s.segment is not null
