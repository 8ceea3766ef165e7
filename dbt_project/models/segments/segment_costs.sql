-- What runs wrote when they were published; those of the last five weeks.
select
    c.segment,
    r.as_of,
    c.seconds,
    (c.read_rows + c.member_rows)::bigint as rows,
    c.bytes,
    c.read_rows,
    c.member_rows
from {{ source('raw', 'segment_costs') }} as c
join {{ source('raw', 'runs') }} as r on c.run_no = r.run_no
where c.run_no <= {{ published_run() }}
