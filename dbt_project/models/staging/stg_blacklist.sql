with landed as (
    select * from {{ source("raw", "blacklist") }}
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
    listed,
    landed.at
from landed
inner join files using (file_no)
where {{ problem("blacklist") }} is null
qualify
    row_number() over (partition by user_id, channel order by landed.at desc, listed desc, url desc, row_no desc) = 1
