with stg_events as (
    select * from {{ ref("stg_events") }}
)

-- A row is known by file and position: a changed file comes under a new number, and numbers are never used twice.
select
    day,
    count(*) as rows,
    bit_xor(hash(file_no, row_no, key_hash, ts)) as signature
from stg_events
where is_first
group by day
order by day
