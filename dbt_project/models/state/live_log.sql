{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=["{{ forget_unpublished() }}", "{{ forget_old_refusals() }}"]
) }}
-- What this run adds to the log of live segments. Judged are the instants of the last days, since a late event may make
-- or undo a qualification of each of them.
with rules as (
    select
        d.segment_no,
        d.definition_hash,
        d.cause <> 'data' as is_new,
        r.first_day,
        r.current_day,
        r.refusals_stay
    from {{ ref('live_rules') }} as r
    join {{ source('raw', 'segment_definitions') }} as d on r.segment_no = d.segment_no
    where d.run_no = {{ this_run() }} and d.is_computed and d.mode = 'present'
),

-- What earlier runs said under the rules as they are.
{% if is_incremental() %}
    began as (
        select
            segment_no,
            arg_max(day, run_no) as day
        from {{ this }}
        where change = 'began'
        group by segment_no
    ),

    stood as (
        select s.*
        from {{ live_standing(this) }} as s
        join rules as r on s.segment_no = r.segment_no
        where not r.is_new and s.day >= r.first_day
    ),

    refused as (
        select
            l.segment_no,
            l.person_no,
            l.qualified_at
        from {{ live_rows(this) }} as l
        join rules as r on l.segment_no = r.segment_no
        where not r.is_new and l.change = 'refused'
    ),
{% else %}
    began as (
        select
            0::usmallint as segment_no,
            null::date as day
        where false
    ),

    stood as (
        select
            0::usmallint as segment_no,
            0::uinteger as person_no,
            null::date as day,
            null::timestamp as qualified_at
        where false
    ),

    refused as (
        select
            0::usmallint as segment_no,
            0::uinteger as person_no,
            null::timestamp as qualified_at
        where false
    ),
{% endif %}

-- No rule judges days before it began.
moments as (
    select
        m.segment_no,
        m.person_no,
        m.day,
        m.qualified_at,
        m.holds,
        r.refusals_stay
    from {{ ref('live_moments') }} as m
    join rules as r on m.segment_no = r.segment_no
    left join began as b on r.segment_no = b.segment_no and not r.is_new
    where m.day >= r.first_day and m.day >= coalesce(b.day, r.current_day)
),

corrected as (
    select s.*
    from stood as s
    anti join moments as m
        on s.segment_no = m.segment_no and s.person_no = m.person_no and s.qualified_at = m.qualified_at
),

stands as (
    select s.*
    from stood as s
    anti join corrected as c
        on s.segment_no = c.segment_no and s.person_no = c.person_no and s.qualified_at = c.qualified_at
),

judged as (
    select m.*
    from moments as m
    anti join refused as f
        on m.segment_no = f.segment_no and m.person_no = f.person_no and m.qualified_at = f.qualified_at
),

-- One membership for a person and day, by the first instant that gave it.
qualified as (
    select
        j.segment_no,
        j.person_no,
        j.day,
        min(j.qualified_at) as qualified_at
    from judged as j
    anti join stands as s on j.segment_no = s.segment_no and j.person_no = s.person_no and j.day = s.day
    where j.holds
    group by all
),

rows_of_this_run as (
    select
        segment_no,
        null::uinteger as person_no,
        current_day as day,
        {{ this_run('as_of') }} as qualified_at,
        'began' as change
    from rules
    where is_new
    union all
    select
        segment_no,
        person_no,
        day,
        qualified_at,
        'qualified' as change
    from qualified
    union all
    select
        segment_no,
        person_no,
        day,
        qualified_at,
        'corrected' as change
    from corrected
    union all
    select
        segment_no,
        person_no,
        day,
        qualified_at,
        'refused' as change
    from judged
    where refusals_stay and not holds
)

select
    {{ this_run() }}::uinteger as run_no,
    t.segment_no::usmallint as segment_no,
    t.person_no::uinteger as person_no,
    t.day,
    t.qualified_at,
    t.change,
    {{ this_run('as_of') }} as as_of,
    r.definition_hash
from rows_of_this_run as t
join rules as r on t.segment_no = r.segment_no
order by t.segment_no, t.change, t.day, t.person_no, t.qualified_at
