with landed as (
    select * from {{ source("raw", "messages") }}
),

files as (
    select
        file_no,
        url
    from {{ source("raw", "landing_files") }}
)

-- Messages carry no time of their last change: the later file tells the later state.
select
    message_id,
    title,
    channel,
    status,
    created_at,
    sent_at,
    {{ json_or_null("segments", "ARRAY") }} as segments,
    {{ json_or_null("excluded_segments", "ARRAY") }} as excluded_segments
from landed
inner join files using (file_no)
where {{ problem("messages") }} is null
qualify row_number() over (partition by message_id order by url desc, row_no desc) = 1
