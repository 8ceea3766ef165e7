-- Totals are those of the last run in which the upload's rows were there to be counted.
with uploads as (
    select
        *,
        max(list_no) filter (where state = 'good') over (partition by segment) as standing_no
    from {{ uploads_until(published_run()) }}
),

counts as (
    select * from {{ ref('list_counts') }}
    where run_no <= {{ published_run() }}
    qualify row_number() over (partition by upload_no order by run_no desc) = 1
)

select
    u.segment,
    u.upload_no,
    u.file,
    u.on_upload,
    u.as_of,
    case
        when u.state = 'refused' then 'refused'
        when u.list_no = u.standing_no then 'current'
        else 'replaced'
    end as state,
    u.reason,
    u.rows,
    coalesce(c.matched, 0)::bigint as matched,
    coalesce(c.duplicates, 0)::bigint as duplicates,
    coalesce(c.not_found, 0)::bigint as not_found,
    coalesce(c.ambiguous, 0)::bigint as ambiguous,
    coalesce(c.bad, 0)::bigint as bad
from uploads as u
left join counts as c on u.upload_no = c.upload_no
