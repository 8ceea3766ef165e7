{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_old_matches() }}") }}
-- What each pull has come to, so that its rows are written again only when one of them has come to something else.
{%- set found = {
    'connector': 'varchar', 'audience_id': 'varchar', 'fetched_at': 'timestamp', 'ids': 'bigint',
    'signature': 'hugeint', 'written_in': 'uinteger',
} %}
with pulls as (
    select
        connector,
        audience_id,
        fetched_at,
        count(*) as ids,
        count(*) filter (where is_anew) as matched_anew,
        sum(hash(connector_user_id, outcome, strategy, person_no)) as signature
    from {{ ref('pulled_ids') }}
    group by connector, audience_id, fetched_at
)

select
    {{ this_run() }}::uinteger as run_no,
    p.connector,
    p.audience_id,
    p.fetched_at,
    p.ids,
    p.matched_anew,
    p.signature,
    coalesce(e.written_in, {{ this_run() }})::uinteger as written_in
from pulls as p
left join {{ earlier(found) }} as e
    on
        p.connector = e.connector
        and p.audience_id = e.audience_id
        and p.fetched_at = e.fetched_at
        and p.ids = e.ids
        and p.signature = e.signature
order by p.connector, p.audience_id, p.fetched_at
