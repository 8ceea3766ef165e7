with landed as (
    select * from {{ source("raw", "audience_members") }}
)

select
    connector,
    audience_id,
    connector_user_id,
    fetched_at,
    email,
    msisdn,
    {{ json_or_null("properties", "OBJECT") }} as properties
from landed
where {{ problem("audience_members") }} is null
