with landed as (
    select * from {{ source("raw", "users") }}
),

files as (
    select
        file_no,
        url
    from {{ source("raw", "landing_files") }}
)

-- A load is refused if a user has several rows and no time to choose by; equal times fall back on the order of files.
select
    user_id,
    external_id,
    email,
    msisdn,
    created_at,
    updated_at,
    is_test,
    city,
    country,
    lat,
    lon,
    {{ json_or_null("attributes", "OBJECT") }} as attributes,
    {{ json_or_null("tags", "ARRAY") }} as tags,
    ad_consent
from landed
inner join files using (file_no)
where {{ problem("users") }} is null
qualify row_number() over (partition by user_id order by updated_at desc nulls last, url desc, row_no desc) = 1
