{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_replaced_matches() }}") }}
-- What readers see of matches: pulls and users go on changing while a run is on its way.
select
    {{ this_run() }}::uinteger as run_no,
    i.connector,
    i.audience_id,
    i.fetched_at,
    i.connector_user_id,
    i.outcome,
    i.strategy,
    i.person_no
from {{ ref('pulled_ids') }} as i
join {{ ref('matched_pulls') }} as p
    on i.connector = p.connector and i.audience_id = p.audience_id and i.fetched_at = p.fetched_at
where p.run_no = {{ this_run() }} and p.written_in = p.run_no
