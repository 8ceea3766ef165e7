{{ config(materialized="view") }}

with events_read as (
    select * from {{ ref("events_read") }}
)

select * exclude (problem, unread, row_as_json)
from events_read
where problem is null
