{{ config(meta={'dagster': {'ref': {'name': 'segment_stays'}}}) }}
-- Two open stays of one person would count that person twice everywhere. Only those who entered in this run can have
-- caused it.
select
    s.segment_no,
    s.person_no
from {{ ref('segment_stays') }} as s
where
    s.run_to is null
    and (s.segment_no, s.person_no) in (
        select (segment_no, person_no)
        from {{ ref('segment_stays') }}
        where run_from = {{ this_run() }}
    )
group by s.segment_no, s.person_no
having count(*) > 1
