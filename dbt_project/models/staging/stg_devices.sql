with landed as (
    select * from {{ source("raw", "devices") }}
),

files as (
    select
        file_no,
        url
    from {{ source("raw", "landing_files") }}
)

-- A device that changed hands is a device of both: the later row of one user says nothing about the other.
select
    device_id,
    user_id,
    platform,
    device_type,
    device_model,
    os_version,
    app_version,
    registered,
    installed,
    has_token,
    push_permission,
    last_used_at
from landed
inner join files using (file_no)
where {{ problem("devices") }} is null
qualify row_number() over (
    partition by user_id, device_id order by last_used_at desc nulls last, url desc, row_no desc
) = 1
