{{ config(materialized='view') }}
select
    segment_no,
    person_no
from {{ members_of(ref('segment_bits_now')) }}
