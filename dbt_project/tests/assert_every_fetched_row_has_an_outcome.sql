{{ config(meta={'dagster': {'ref': {'name': 'audience_ids'}}}) }}
-- Rows were counted when they landed, before anything was matched. A miss means that a pull landed while the run was on
-- its way, or that rows were lost or doubled in matching: a segment would be published without part of its members.
select
    p.connector,
    p.audience_id,
    p.fetched_at,
    p.fetched_users
from {{ source('raw', 'audience_pulls') }} as p
left join {{ ref('pulled_ids') }} as i
    on p.connector = i.connector and p.audience_id = i.audience_id and p.fetched_at = i.fetched_at
group by all
having count(i.outcome) <> p.fetched_users
