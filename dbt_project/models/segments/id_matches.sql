-- Every pull that had landed by the last published run, matched with users as they were then.
with pulls as (
    select
        connector,
        audience_id,
        fetched_at,
        written_in
    from {{ ref('matched_pulls') }}
    where run_no = (
        select max(run_no) from {{ ref('matched_pulls') }}
        where run_no <= {{ published_run() }}
    )
)

select
    i.connector,
    i.audience_id,
    i.fetched_at,
    i.connector_user_id,
    i.outcome,
    i.strategy,
    u.id as user_id
from {{ ref('id_matches_log') }} as i
join pulls as p
    on
        i.connector = p.connector
        and i.audience_id = p.audience_id
        and i.fetched_at = p.fetched_at
        and i.run_no = p.written_in
left join {{ ref('people') }} as u on i.person_no = u.person_no
