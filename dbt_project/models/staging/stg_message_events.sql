with landed as (
    select * from {{ source("raw", "message_events") }}
    where {{ problem("message_events") }} is null
),

-- Results that come back from Netmera name people by their external id, as its API knows no other.
named as (
    select
        external_id,
        min(user_id) as user_id
    from {{ ref('stg_users') }}
    where external_id <> user_id
    group by external_id
    having count(*) = 1
)

select
    l.message_id,
    coalesce(u.user_id, n.user_id, l.user_id) as user_id,
    l.kind,
    l.ts,
    l.revenue
from landed as l
left join {{ ref('stg_users') }} as u on l.user_id = u.user_id
left join named as n on l.user_id = n.external_id
