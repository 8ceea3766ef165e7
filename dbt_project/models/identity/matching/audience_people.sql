-- Members of connector segments: the people whom the ids of the current pull belong to.
select distinct
    s.segment,
    i.person_no
from {{ source('raw', 'segment_audiences') }} as s
join {{ source('raw', 'audience_pulls') }} as p on s.connector = p.connector and s.audience_id = p.audience_id
join {{ ref('pulled_ids') }} as i
    on p.connector = i.connector and p.audience_id = i.audience_id and p.fetched_at = i.fetched_at
where p.is_current and i.person_no is not null
