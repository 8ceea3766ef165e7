-- How good a forecast was for those who were held out of it, and where a segment draws its line. A line that too
-- few of them stand behind is chance, so it does not count as reaching any precision.
with counts as (
    select
        forecast,
        count(*) filter (where has_done) as positives,
        count(*) filter (where not is_held_out) as trained_on,
        count(*) filter (where is_held_out) as held_out
    from {{ ref('prediction_features') }}
    where phase = 'train'
    group by forecast
),

steps as (
    select
        forecast,
        score,
        count(*) as people,
        count(*) filter (where has_done) as doers
    from {{ ref('prediction_scores') }}
    where phase = 'train'
    group by forecast, score
),

-- at_or_above is who would be chosen by a threshold at this score, place the share of people at or below it
ladder as (
    select
        *,
        sum(people) over (partition by forecast order by score desc) as people_at_or_above,
        sum(doers) over (partition by forecast order by score desc) as doers_at_or_above,
        sum(people) over (partition by forecast order by score) / sum(people) over (partition by forecast) as place,
        sum(doers) over (partition by forecast) as all_doers
    from steps
),

asked as (
    select
        s.segment,
        l.*,
        l.doers_at_or_above / l.people_at_or_above as precision_here,
        l.people_at_or_above >= s.people_needed as is_enough,
        s.precision as wanted
    from {{ ref('predicted_segments') }} as s
    join ladder as l on s.forecast = l.forecast
    where s.precision is not null
),

by_precision as (
    select
        segment,
        min(score) filter (where is_enough and precision_here >= wanted) as threshold,
        arg_min(precision_here, score) filter (where is_enough and precision_here >= wanted) as held_out_precision,
        arg_min(doers_at_or_above / all_doers, score) filter (
            where is_enough and precision_here >= wanted
        ) as held_out_recall,
        max(precision_here) filter (where is_enough) as best
    from asked
    group by segment
),

by_band as (
    select
        s.segment,
        sum(l.doers) / sum(l.people) as held_out_precision,
        sum(l.doers) / any_value(l.all_doers) as held_out_recall
    from {{ ref('predicted_segments') }} as s
    join ladder as l on s.forecast = l.forecast and s.above < l.place and s.up_to >= l.place
    group by s.segment
),

judged as (
    select
        s.segment,
        s.forecast,
        p.threshold,
        coalesce(c.positives, 0) as positives,
        coalesce(c.trained_on, 0) as trained_on,
        coalesce(c.held_out, 0) as held_out,
        coalesce(p.held_out_precision, b.held_out_precision) as held_out_precision,
        coalesce(p.held_out_recall, b.held_out_recall) as held_out_recall,
        case
            when coalesce(c.positives, 0) < s.positives_needed
                then format(
                    '{} users {}, at least {} are needed to learn from',
                    coalesce(c.positives, 0), s.doing, s.positives_needed
                )
            when s.precision is not null and p.threshold is null
                then format(
                    'no score reaches a precision of {} among {} or more held-out users, the best reaches {:.2f}',
                    s.precision, s.people_needed, coalesce(p.best, 0)
                )
        end as lacking
    from {{ ref('predicted_segments') }} as s
    left join counts as c on s.forecast = c.forecast
    left join by_precision as p on s.segment = p.segment
    left join by_band as b on s.segment = b.segment
)

select
    segment,
    forecast,
    case when lacking is null then 'ok' else 'insufficient_data' end as status,
    'insufficient_data: ' || lacking as reason,
    positives,
    trained_on,
    held_out,
    threshold,
    held_out_precision,
    held_out_recall
from judged
order by segment
