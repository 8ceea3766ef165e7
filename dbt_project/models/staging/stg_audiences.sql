with landed as (
    select * from {{ source("raw", "audiences") }}
)

select
    connector,
    audience_id,
    name,
    cast(reported_users as bigint) as reported_users,
    fetched_at,
    description,
    source_updated_at
from landed
where {{ problem("audiences") }} is null
