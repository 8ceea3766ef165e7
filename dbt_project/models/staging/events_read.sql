{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    pre_hook="{{ drop_rows_of_unsettled_files() }}",
    post_hook="{{ settle_duplicates() }}",
) }}
-- A rebuild from nothing would lose every file that is not pending. A full load goes through the ledger instead: it
-- declares all files pending, and so replaces every row in one transaction.

with landed as (
    select * from {{ source("raw", "events") }}
),

judged as (
    select
        *,
        case
            when {{ lacks("user_id") }} and {{ lacks("source_user_id") }} then 'user_id is missing'
            when {{ lacks("user_id") }} and {{ lacks("source") }} then 'source of source_user_id is missing'
            when {{ lacks("event") }} then 'event is missing'
            when ts is null then {{ lack_of("ts") }}
            when not isfinite(ts) then 'ts cannot be read'
            when not {{ is_json("properties", "OBJECT") }} then 'properties is not a JSON object'
        end as problem
    from landed
)

select
    nullif(source, '') as source,
    nullif(user_id, '') as user_id,
    nullif(source_user_id, '') as source_user_id,
    event,
    ts,
    cast(ts as date) as day,
    nullif(event_id, '') as event_id,
    properties,
    platform,
    session_id,
    city,
    region,
    country,
    lat,
    lon,
    ingested_at,
    file_no,
    row_no,
    case
        when coalesce(event_id, '') <> '' then hash(coalesce(source, ''), event_id)
        else hash(coalesce(source, ''), {{ whole_row_columns() | join(", ") }})
    end as key_hash,
    problem is null as is_first,
    problem,
    unread,
    case when problem is not null then {{ row_as_json("judged") }} end as row_as_json
from judged
