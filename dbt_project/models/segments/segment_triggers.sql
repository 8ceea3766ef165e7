-- What may set something off downstream. A first calculation and an edited rule move people in and out who did nothing.
select
    segment,
    user_id,
    as_of,
    change
from {{ ref('segment_changes') }}
where cause = 'data'
