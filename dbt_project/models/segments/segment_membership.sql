with published as (
    select * from {{ ref('segment_stays') }}
    where run_from <= {{ published_run() }}
)

select
    n.segment,
    p.id as user_id,
    s.valid_from,
    case when s.run_to <= {{ published_run() }} then s.valid_to end as valid_to
from published as s
join {{ ref('segment_names') }} as n on s.segment_no = n.segment_no
join {{ ref('people') }} as p on s.person_no = p.person_no
