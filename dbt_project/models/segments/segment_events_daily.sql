-- Worked out when somebody asks, since the members of all segments beside all their events are more rows than a run
-- could store: a filter on the segment leaves its members to look for. Events are those staged, up to the run's moment.
with run as (
    select
        as_of,
        day,
        zone
    from {{ source('raw', 'runs') }}
    where run_no = {{ published_run() }}
),

members as (
    select
        n.segment,
        s.person_no
    from {{ published_members() }} as s
    join {{ ref('segment_names') }} as n on s.segment_no = n.segment_no
),

-- Every id that events of a person come under: their own, and those of connectors that are matched with them.
ids as (
    select
        source,
        id,
        person_no
    from {{ ref('people') }}
    where source = ''
    union all
    select
        source,
        source_user_id as id,
        user_no as person_no
    from {{ ref('source_people') }}
    where user_no is not null
),

events as (
    select
        case when e.user_id is null then e.source else '' end as source,
        coalesce(e.user_id, e.source_user_id) as id,
        e.event,
        timezone(run.zone, timezone('UTC', e.ts))::date as day
    from {{ ref('stg_events') }} as e
    cross join run
    where
        e.is_first
        and e.ts < run.as_of
        and e.day > run.day - 92 -- days of UTC, with room for every zone
)

select
    m.segment,
    e.event,
    e.day,
    count(*)::bigint as count,
    count(distinct m.person_no)::bigint as users
from events as e
cross join run
join ids as i on e.source = i.source and e.id = i.id
join members as m on i.person_no = m.person_no
where e.day > run.day - 90 and e.day <= run.day
group by m.segment, e.event, e.day
