{#-
  Rows of files that changed, vanished or were read by a build that was not confirmed leave before their files are read
  (again). Their keys are kept for settle_duplicates: another row with the same key may now be the first.
-#}
{% macro drop_rows_of_unsettled_files() -%}
    {% if is_incremental() -%}
    create or replace temp table unsettled_files as
    select file_no from {{ source("raw", "landing_files") }} where table_name = 'events' and state <> 'loaded';

    create or replace temp table touched_keys as
    select distinct key_hash from {{ this }} where file_no in (select file_no from unsettled_files);

    delete from {{ this }} where file_no in (select file_no from unsettled_files)
    {%- else -%}
    select 1
    {%- endif %}
{%- endmacro %}

{#-
  Of the rows with one key the first ingested counts. A window over all rows would sort them all, so keys that stand
  alone are set aside first: only what is left, and what just arrived or left, is put in order.
  Equal hashes are not trusted: rows are compared by the columns themselves.
-#}
{% macro settle_duplicates() -%}
    create or replace temp table repeated_keys as
    select key_hash
    from {{ this }}
    {%- if is_incremental() %}
    where key_hash in (
        select key_hash from touched_keys
        union all
        select key_hash from {{ this }} where file_no in (select file_no from unsettled_files)
    )
    {%- endif %}
    group by key_hash
    having count(*) > 1{% if is_incremental() %} or not bool_and(is_first){% endif %};

    create or replace temp table order_of_rows as
    select
        file_no,
        row_no,
        row_number() over (
            partition by
                key_hash, coalesce(source, ''), event_id,
                {%- for column in whole_row_columns() %}
                case when event_id is null then {{ column }} end,
                {%- endfor %}
            order by ingested_at nulls last, url, row_no
        ) = 1 as is_first
    from {{ this }}
    inner join {{ source("raw", "landing_files") }} using (file_no)
    where key_hash in (select key_hash from repeated_keys) and problem is null;

    update {{ this }} as events
    set is_first = order_of_rows.is_first
    from order_of_rows
    where
        events.file_no = order_of_rows.file_no
        and events.row_no = order_of_rows.row_no
        and events.is_first <> order_of_rows.is_first;

    drop table if exists repeated_keys;
    drop table if exists order_of_rows;
    drop table if exists touched_keys;
    drop table if exists unsettled_files
{%- endmacro %}

{#- What makes an event without id the same as another, besides its source. When it was ingested is no part of it. -#}
{% macro whole_row_columns() -%}
    {{- return([
        "user_id", "source_user_id", "event", "ts", "properties", "platform", "session_id", "city", "region", "country",
        "lat", "lon",
    ]) -}}
{%- endmacro %}
