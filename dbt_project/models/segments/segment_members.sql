select
    segment,
    user_id,
    valid_from as since
from {{ ref('segment_membership') }}
where valid_to is null
