with landed as (
    select * from {{ source("raw", "consents") }}
),

files as (
    select
        file_no,
        url
    from {{ source("raw", "landing_files") }}
)

select
    user_id,
    channel,
    state,
    landed.at,
    reason
from landed
inner join files using (file_no)
where {{ problem("consents") }} is null
qualify row_number() over (partition by user_id, channel order by landed.at desc, url desc, row_no desc) = 1
