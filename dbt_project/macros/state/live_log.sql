{#- The log of live segments only ever grows. What it says now: a rule, new or edited, begins; people qualify under it; and
    a qualification whose trigger turned out not to have held is corrected. -#}

{#- Rows of the rules as they are: those since each of them began. -#}
{% macro live_rows(log) -%}
    (
        select l.*
        from {{ log }} as l
        join (
            select segment_no, max(run_no) as run_no, arg_max(day, run_no) as first_day
            from {{ log }} where change = 'began' group by segment_no
        ) as b on l.segment_no = b.segment_no and l.run_no >= b.run_no
    )
{%- endmacro %}

{#- Qualifications that stand: segment_no, person_no, day, qualified_at. -#}
{% macro live_standing(log) -%}
    (
        select q.segment_no, q.person_no, q.day, q.qualified_at
        from {{ live_rows(log) }} as q
        where q.change = 'qualified' and not exists (
            select 1 from {{ log }} as c
            where c.change = 'corrected' and c.run_no > q.run_no
            and c.segment_no = q.segment_no and c.person_no = q.person_no and c.qualified_at = q.qualified_at
        )
    )
{%- endmacro %}

{#- A refusal is remembered for as long as its day may be judged again; nobody reads it later. -#}
{% macro forget_old_refusals() -%}
    {% if is_incremental() %}
        delete from {{ this }} as old using {{ ref('live_rules') }} as rule
        where old.change = 'refused' and old.segment_no = rule.segment_no and old.day < (
            select day from {{ source('raw', 'runs') }} where run_no = {{ published_run() }}
        ) - (rule.current_day - rule.first_day)::integer
        and {{ this_run('mode') }} = 'present' -- a past day judges its own day and no other
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}
