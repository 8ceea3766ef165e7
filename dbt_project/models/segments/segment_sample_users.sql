-- Ten members by a hash of user and day: the same ones all day long, others on the next, and nobody is preferred. MD5
-- is the same in every version of every engine.
with run as (
    select day
    from {{ source('raw', 'runs') }}
    where run_no = {{ published_run() }}
),

drawn as (
    select
        s.segment_no,
        arg_min(p.id, md5(concat(p.id, ':', run.day)), 10) as users
    from {{ published_members() }} as s
    cross join run
    join {{ ref('people') }} as p on s.person_no = p.person_no
    group by s.segment_no
),

placed as (
    select
        segment_no,
        generate_subscripts(users, 1) as place,
        unnest(users) as user_id
    from drawn
)

select
    n.segment,
    p.place::integer as place,
    p.user_id
from placed as p
join {{ ref('segment_names') }} as n on p.segment_no = n.segment_no
