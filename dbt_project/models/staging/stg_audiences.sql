with landed as (
    select * from {{ source("raw", "audiences") }}
)

-- A pull that landed twice is one pull.
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
qualify
    row_number() over (
        partition by connector, audience_id, fetched_at
        order by source_updated_at desc nulls last, reported_users desc nulls last, name asc, description asc
    ) = 1
