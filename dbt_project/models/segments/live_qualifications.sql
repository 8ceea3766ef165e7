select
    n.segment,
    p.id as user_id,
    l.day,
    l.qualified_at,
    l.change,
    l.as_of
from {{ ref('live_log') }} as l
join {{ ref('segment_names') }} as n on l.segment_no = n.segment_no
join {{ ref('people') }} as p on l.person_no = p.person_no
where l.run_no <= {{ published_run() }} and l.change in ('qualified', 'corrected')
