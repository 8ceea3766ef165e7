with uploads as (
    select
        *,
        max(list_no) filter (where state = 'good') over (partition by segment) as standing_no,
        max(upload_no) filter (where state = 'good') over (partition by segment) as last_good_no
    from {{ uploads_until(published_run()) }}
),

shown as (
    select
        upload_no,
        segment
    from uploads
    where
        (state = 'good' and list_no = standing_no)
        or (state = 'refused' and upload_no > coalesce(last_good_no, 0))
),

visible as (
    select max(run_no) as run_no
    from {{ ref('list_matches') }}
    where run_no <= {{ published_run() }}
)

select
    s.segment,
    r.upload_no,
    r.line,
    r.type,
    r.identity,
    m.outcome,
    m.strategy,
    p.id as user_id
from {{ source('raw', 'list_rows') }} as r
join shown as s on r.upload_no = s.upload_no
join {{ ref('list_matches') }} as m on r.row_no = m.row_no
join visible as v on m.run_no = v.run_no
left join {{ ref('people') }} as p on m.person_no = p.person_no
