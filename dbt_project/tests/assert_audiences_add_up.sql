{{ config(meta={'dagster': {'ref': {'name': 'connector_segments_log'}}}) }}
-- Every row is somewhere on the way from the connector to people, and is one user at most.
select
    connector,
    audience_id
from {{ ref('connector_segments_log') }}
where
    run_no = {{ this_run() }}
    and fetched_at is not null
    and (
        with_identifier + no_identifier + invalid_format <> fetched_users
        or known + not_found <> with_identifier
        or netmera_users > known - ambiguous
        or reachable_push > netmera_users
    )
