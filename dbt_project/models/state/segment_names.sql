{{ config(materialized='view') }}
-- A segment's number is given once and kept for good.
select
    segment_no,
    any_value(segment) as segment
from {{ source('raw', 'segment_definitions') }}
group by segment_no
