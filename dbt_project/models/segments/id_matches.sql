-- Every pull that landed, matched with users as they are now.
select
    i.connector,
    i.audience_id,
    i.fetched_at,
    i.connector_user_id,
    i.outcome,
    i.strategy,
    p.id as user_id
from {{ ref('pulled_ids') }} as i
left join {{ ref('people') }} as p on i.person_no = p.person_no
