{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_unpublished() }}") }}
-- What an upload held in each run: the rows themselves go when another upload has replaced them.
select
    {{ this_run() }}::uinteger as run_no,
    upload_no,
    count(*) filter (where outcome = 'matched') as matched,
    count(*) filter (where outcome = 'duplicate') as duplicates,
    count(*) filter (where outcome = 'not_found') as not_found,
    count(*) filter (where outcome = 'ambiguous') as ambiguous,
    count(*) filter (where outcome in ('bad_type', 'no_identity', 'unreadable')) as bad
from {{ ref('list_matches') }}
where run_no = {{ this_run() }}
group by upload_no
order by upload_no
