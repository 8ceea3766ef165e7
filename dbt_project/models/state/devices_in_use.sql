{{ config(materialized='view') }}
-- Registered and installed, where that is known: what platforms, sizes by platform and device facts count.
select
    p.person_no,
    d.user_id,
    d.device_id,
    d.platform,
    d.device_type,
    d.device_model,
    d.os_version,
    d.app_version,
    d.last_used_at
from {{ ref('stg_devices') }} as d
join {{ ref('people') }} as p on p.source = '' and d.user_id = p.id
where coalesce(d.registered, true) and coalesce(d.installed, true)
