{#- Event tiles are replaced by whole days. `tile_days` remembers what each tile was cut from; it is written in the
    transaction of the model itself, so that tiles and memory never disagree. -#}

{% macro tile_days() -%}
    {{ this.include(identifier=false) }}.tile_days
{%- endmacro %}

{% macro stale_days() -%}
    (
        select coalesce(now.day, cut.day) as day
        from {{ ref('event_days') }} as now
        full join {{ tile_days() }} as cut on now.day = cut.day
        where now.signature is distinct from cut.signature
    )
{%- endmacro %}

{% macro drop_stale_tiles() -%}
    {% if is_incremental() %}
        delete from {{ this }} where day in (select day from {{ stale_days() }})
    {% else %}
        select 1
    {% endif %}
{%- endmacro %}

{% macro remember_tiles(layout) -%}
    create or replace table {{ tile_days() }} as
    select day, signature, '{{ layout }}' as layout from {{ ref('event_days') }}
{%- endmacro %}
