{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_old_matches() }}") }}
-- What each pull has come to, so that its rows are written again only when one of them has come to something else.
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
    {%- if is_incremental() %}
        coalesce(last.written_in, {{ this_run() }})::uinteger as written_in
    {%- else %}
        {{ this_run() }}::uinteger as written_in
    {%- endif %}
from pulls as p
{%- if is_incremental() %}
    left join {{ this }} as last
        on
            p.connector = last.connector
            and p.audience_id = last.audience_id
            and p.fetched_at = last.fetched_at
            and p.ids = last.ids
            and p.signature = last.signature
{%- endif %}
order by p.connector, p.audience_id, p.fetched_at
