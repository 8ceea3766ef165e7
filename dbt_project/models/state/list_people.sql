{{ config(materialized='view') }}
-- The list of a segment as its good uploads have made it; the rows of one list name nobody twice.
with uploads as (
    select
        segment,
        upload_no,
        list_no
    from {{ uploads_until() }}
    where state = 'good'
    qualify list_no = max(list_no) over (partition by segment)
)

select
    u.segment,
    m.person_no
from {{ ref('list_matches') }} as m
join uploads as u on m.upload_no = u.upload_no
where m.outcome = 'matched' and m.run_no is not distinct from {{ this_run() }}
