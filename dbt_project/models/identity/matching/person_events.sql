{{ config(materialized='view') }}
-- Tiles hold whoever's id came with an event; whose event it is is looked up here, so that a match or a merge that
-- comes later corrects history without touching a tile. Without matched ids of connectors these are the tiles
-- themselves.
{%- set any_matched = "select 1 from " ~ ref('source_people') ~ " where user_no is not null limit 1" %}
{%- if execute and adapter.execute(any_matched, fetch=true)[1].rows %}
    with matched as (
        select
            person_no,
            user_no
        from {{ ref('source_people') }}
        where user_no is not null
    )

    select tiles.* replace (coalesce(matched.user_no, tiles.person_no) as person_no)
    from {{ ref('event_tiles') }} as tiles
    left join matched on tiles.person_no = matched.person_no
{%- else %}
    select * from {{ ref('event_tiles') }}
{%- endif %}
