with events_read as (
    select * from {{ ref("events_read") }}
)

select
    'events' as table_name,
    file_no,
    row_no,
    problem as reason,
    row_as_json as row
from events_read
where problem is not null
{%- for table in small_tables() %}
    union all
    select
        '{{ table }}' as table_name,
        file_no,
        row_no,
        {{ problem(table) }} as reason,
        {{ row_as_json("landed") }} as row
    from {{ source("raw", table) }} as landed  -- noqa: AL05
    where {{ problem(table) }} is not null
    {%- for column, type in json_columns(table).items() %}
        union all
        select
            '{{ table }}' as table_name,
            file_no,
            row_no,
            '{{ column }} is not JSON of the right type; the rest of the row is used' as reason,
            {{ row_as_json("landed") }} as row
        from {{ source("raw", table) }} as landed  -- noqa: AL05
        where {{ problem(table) }} is null and not {{ is_json(column, type) }}
    {%- endfor %}
{%- endfor %}
