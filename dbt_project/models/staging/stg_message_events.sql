with landed as (
    select * from {{ source("raw", "message_events") }}
)

select
    message_id,
    user_id,
    kind,
    ts,
    revenue
from landed
where {{ problem("message_events") }} is null
