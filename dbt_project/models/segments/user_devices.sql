-- How many devices a user has in use, and what the one used last is. A device whose last use is not known comes after
-- those where it is; equal times are decided by the id, so that every export says the same.
with ranked as (
    select
        *,
        count(*) over (partition by user_id) as device_count,
        row_number() over (partition by user_id order by last_used_at desc nulls last, device_id asc) as place
    from {{ ref('devices_in_use') }}
    where user_id in (select user_id from {{ ref('stg_users') }})
)

select
    user_id,
    device_count,
    device_type,
    concat_ws(
        ' ',
        case platform when 'ios' then 'iOS' when 'android' then 'Android' when 'web' then 'Web' else platform end,
        nullif(os_version, '')
    ) as operating_system,
    device_model,
    app_version,
    last_used_at
from ranked
where place = 1
