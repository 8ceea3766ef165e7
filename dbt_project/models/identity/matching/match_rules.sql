{{ config(materialized='view') }}
-- A connector without rules of its own has those of all.
with connectors as (
    select connector
    from {{ ref('stg_audience_members') }}
    union
    select source as connector
    from {{ ref('people') }}
    where source <> ''
),

with_own as (
    select distinct connector
    from {{ source('raw', 'match_strategies') }}
)

select
    c.connector,
    r.place,
    r.strategy,
    r.kind
from connectors as c
left join with_own as o on c.connector = o.connector
join {{ source('raw', 'match_strategies') }} as r on r.connector = coalesce(o.connector, '')
