{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=["{{ forget_unpublished('run_from') }}", "{{ reopen_unpublished_stays() }}"],
    post_hook="{{ close_stays() }}"
) }}
-- Who entered opens a stay; the post-hook closes the stays of those who left, in the same transaction.
select
    segment_no,
    person_no,
    as_of as valid_from,
    null::timestamp as valid_to,
    run_no as run_from,
    null::uinteger as run_to
from {{ ref('segment_changes_log') }}
where run_no = {{ this_run() }} and change = 'entered'
