{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_unpublished() }}") }}
-- What became of each audience on its way to people: from the current pull, or, while no pull was good yet, what the
-- last one brought. Written for the segments that this run computes, and for audiences that no segment names.
with pulls as (
    select * from {{ source('raw', 'audience_pulls') }}
),

audiences as (
    select
        latest.connector,
        latest.audience_id,
        latest.name,
        latest.description,
        latest.fetched_at as last_pull_at,
        latest.is_good as last_is_good,
        chosen.fetched_at,
        coalesce(chosen.reported_users, latest.reported_users) as connector_users,
        coalesce(chosen.fetched_users, latest.fetched_users) as fetched_users
    from pulls as latest
    left join pulls as chosen
        on latest.connector = chosen.connector and latest.audience_id = chosen.audience_id and chosen.is_current
    where latest.is_last
),

reached as (
    select person_no from {{ ref('person_facts') }}
    where push
),

ids as (
    select
        i.connector,
        i.audience_id,
        count(*) filter (where i.outcome not in ('no_identifier', 'invalid_format')) as with_identifier,
        count(*) filter (where i.outcome in ('matched', 'ambiguous')) as known,
        count(*) filter (where i.outcome = 'no_identifier') as no_identifier,
        count(*) filter (where i.outcome = 'not_found') as not_found,
        count(*) filter (where i.outcome = 'ambiguous') as ambiguous,
        count(*) filter (where i.outcome = 'invalid_format') as invalid_format,
        count(distinct i.person_no) as netmera_users,
        count(distinct reached.person_no) as reachable_push
    from {{ ref('pulled_ids') }} as i
    join pulls using (connector, audience_id, fetched_at)
    left join reached on i.person_no = reached.person_no
    where pulls.is_current
    group by i.connector, i.audience_id
),

used as (
    select
        s.segment,
        s.connector,
        s.audience_id,
        d.segment_no,
        d.is_computed
    from {{ source('raw', 'segment_audiences') }} as s
    join {{ source('raw', 'segment_definitions') }} as d on s.segment = d.segment
    where d.run_no = {{ this_run() }} and d.mode = 'present'
)

select
    {{ this_run() }}::uinteger as run_no,
    a.connector,
    a.audience_id,
    u.segment_no::usmallint as segment_no,
    a.name,
    a.description,
    a.connector_users,
    a.fetched_users,
    coalesce(i.with_identifier, 0) as with_identifier,
    coalesce(i.known, 0) as known,
    coalesce(i.netmera_users, 0) as netmera_users,
    coalesce(i.reachable_push, 0) as reachable_push,
    coalesce(i.no_identifier, 0) as no_identifier,
    coalesce(i.not_found, 0) as not_found,
    coalesce(i.ambiguous, 0) as ambiguous,
    coalesce(i.invalid_format, 0) as invalid_format,
    a.fetched_at,
    a.last_pull_at,
    a.last_is_good,
    failed.reason as failure
from audiences as a
left join ids as i on a.connector = i.connector and a.audience_id = i.audience_id
left join used as u on a.connector = u.connector and a.audience_id = u.audience_id
left join {{ source('raw', 'audience_failures') }} as failed
    on a.connector = failed.connector and a.audience_id = failed.audience_id
where coalesce(u.is_computed, true) or a.fetched_at is null
order by a.connector, a.audience_id, u.segment_no
