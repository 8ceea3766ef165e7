select
    n.segment,
    p.id as user_id,
    c.as_of,
    c.change,
    c.cause
from {{ ref('segment_changes_log') }} as c
join {{ ref('segment_names') }} as n on c.segment_no = n.segment_no
join {{ ref('people') }} as p on c.person_no = p.person_no
where c.run_no <= {{ published_run() }}
