{{ config(meta={'dagster': {'ref': {'name': 'user_devices'}}}) }}
-- A user with a device in an export is one whom sizes by platform know, and the other way round: else the columns of an
-- export and the split of its segment would contradict each other.
with known_by_platform as (
    select p.id as user_id
    from {{ ref('user_platforms') }} as u
    join {{ ref('people') }} as p on u.person_no = p.person_no
    where p.id in (select user_id from {{ ref('stg_users') }})
)

select coalesce(d.user_id, k.user_id) as user_id
from {{ ref('user_devices') }} as d
full join known_by_platform as k on d.user_id = k.user_id
where d.user_id is null or k.user_id is null
