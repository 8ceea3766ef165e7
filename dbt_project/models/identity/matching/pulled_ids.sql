{{ config(materialized='view') }}
-- Members that belong to no pull are those of a fetch that did not finish: the audience's own row is written last.
select
    m.connector,
    m.audience_id,
    m.fetched_at,
    m.connector_user_id,
    i.outcome,
    i.strategy,
    i.person_no,
    i.is_anew
from {{ ref('stg_audience_members') }} as m
semi join {{ ref('stg_audiences') }} as a
    on m.connector = a.connector and m.audience_id = a.audience_id and m.fetched_at = a.fetched_at
join {{ ref('audience_ids') }} as i
    on
        m.connector = i.connector
        and m.connector_user_id is not distinct from i.connector_user_id
        and m.email is not distinct from i.email
        and m.msisdn is not distinct from i.msisdn
