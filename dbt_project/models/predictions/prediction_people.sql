{{ config(materialized='view') }}
-- Whoever scores at least the segment's threshold. Bands are ranked where their target group is known: in the plan.
select
    q.segment,
    s.person_no
from {{ ref('prediction_quality') }} as q
join {{ ref('prediction_scores') }} as s on q.forecast = s.forecast
where s.phase = 'score' and s.score >= q.threshold
