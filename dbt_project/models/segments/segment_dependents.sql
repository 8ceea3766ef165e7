-- A file with an error still reads what it read when it was understood last: nobody knows what it will say once mended.
with definitions as (
    select
        segment,
        arg_max(reads, run_no) as reads,
        arg_max(includes, run_no) as includes,
        arg_max(excludes, run_no) as excludes
    from {{ source('raw', 'segment_definitions') }}
    where mode = 'present' and run_no <= {{ published_run() }}
    group by segment
),

readers as (
    select
        unnest(reads) as segment,
        segment as dependent,
        'rule' as role,
        1 as place
    from definitions
    union all
    select
        unnest(includes) as segment,
        segment as dependent,
        'include' as role,
        2 as place
    from definitions
    union all
    select
        unnest(excludes) as segment,
        segment as dependent,
        'exclude' as role,
        3 as place
    from definitions
),

-- One that reads a segment in several places depends on it once.
distinct_readers as (
    select
        segment,
        dependent,
        arg_min(role, place) as role
    from readers
    group by segment, dependent
)

select
    r.segment,
    r.dependent,
    'segment' as kind,
    r.role,
    s.status
from distinct_readers as r
join {{ ref('segments') }} as s on r.dependent = s.segment
where s.status <> 'deleted'
union all
select
    segment,
    message_id as dependent,
    'message' as kind,
    role,
    status
from {{ ref('segment_messages') }}
