{{ config(materialized='view') }}
-- A user who has the value under several strategies stands here once for each.
select * from {{ keys_of('not is_gone') }}
