with events_read as (
    select * from {{ ref("events_read") }}
),

stg_users as (
    select * from {{ ref("stg_users") }}
),

quarantine as (
    select * from {{ ref("quarantine") }}
),

unread as (
    select
        'events' as table_name,
        unread
    from events_read
    where unread is not null
    {%- for table in small_tables() %}
        union all
        select
            '{{ table }}' as table_name,
            unread
        from {{ source("raw", table) }}
        where unread is not null
    {%- endfor %}
),

unread_columns as (
    select
        table_name,
        unnest(json_keys(unread)) as column_name
    from unread
)

select
    'events' as table_name,
    'rows' as metric,
    count(*) as value
from events_read
union all
select
    'events' as table_name,
    'duplicates' as metric,
    count(*) as value
from events_read
where not is_first and problem is null
union all
select
    'events' as table_name,
    'of unknown users' as metric,
    count(*) as value
from events_read
anti join stg_users using (user_id)
where is_first and user_id is not null
{%- for table in small_tables() %}
    union all
    select
        '{{ table }}' as table_name,
        'rows' as metric,
        count(*) as value
    from {{ source("raw", table) }}
{%- endfor %}
union all
select
    table_name,
    'quarantined: ' || reason as metric,
    count(*) as value
from quarantine
group by table_name, reason
union all
select
    table_name,
    'not readable: ' || column_name as metric,
    count(*) as value
from unread_columns
group by table_name, column_name
