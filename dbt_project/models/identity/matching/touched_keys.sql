{{ config(materialized='view') }}
-- What a user had before and has still is not touched, whatever else became of the user. Where all users are new there
-- is nothing to compare with, and no match that could be carried over.
{%- set differs = "(is_gone or is_new and not (select bool_and(is_new) from " ~ ref('user_ids') ~ "))" %}
with differences as (
    select
        strategy,
        value
    from {{ keys_of(differs) }}
    group by strategy, value, person_no
    having count(*) = 1
)

select distinct
    strategy,
    value
from differences
