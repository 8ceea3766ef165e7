{{ config(materialized="incremental", incremental_strategy="append", full_refresh=false) }}
-- Numbers stand for people in every stored bit and interval, so they are given once and never again.

with stg_users as (
    select * from {{ ref("stg_users") }}
),

stg_events as (
    select * from {{ ref("stg_events") }}
),

ids as (
    select
        '' as source,
        user_id as id
    from stg_users
    union
    select
        case when user_id is null then source else '' end as source,
        coalesce(user_id, source_user_id) as id
    from stg_events
    {%- if is_incremental() %}
        -- whoever is in a file that was read before has a number already
        where
            file_no in (
                select file_no from {{ source("raw", "landing_files") }}
                where table_name = 'events' and state <> 'loaded'
            )
    {%- endif %}
),

known as (
    {%- if is_incremental() %}
        select
            person_no,
            source,
            id
        from {{ this }}
    {%- else %}
        select
            cast(null as uinteger) as person_no,
            '' as source,
            '' as id
        where false
    {%- endif %}
),

new_ids as (
    select
        source,
        id
    from ids
    anti join known using (source, id)
)

select
    cast(
        (select coalesce(max(person_no) + 1, 0) from known) + row_number() over (order by source, id) - 1 as uinteger
    ) as person_no,
    source,
    id
from new_ids
order by person_no
