{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_unpublished() }}") }}
-- How good each forecast was when its segment was computed. Past days are reconstructed without a trace here.
select
    {{ this_run() }}::uinteger as run_no,
    d.segment_no::usmallint as segment_no,
    {{ this_run('as_of') }} as as_of,
    q.status,
    q.reason,
    q.positives,
    q.trained_on,
    q.held_out,
    q.threshold,
    q.held_out_precision,
    q.held_out_recall
from {{ ref('prediction_quality') }} as q
join {{ source('raw', 'segment_definitions') }} as d on q.segment = d.segment
where d.run_no = {{ this_run() }} and d.is_computed and d.mode = 'present'
order by d.segment_no
