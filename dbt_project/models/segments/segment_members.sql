with present as (
    select * from {{ ref('segment_membership') }}
    where valid_to is null
),

-- Whom rules spare by `exclude: [test_users]`, so that the flag and the segment never disagree.
tests as (
    select user_id from present
    where segment = 'test_users'
)

select
    p.segment,
    p.user_id,
    p.valid_from as since,
    t.user_id is not null as is_test
from present as p
left join tests as t on p.user_id = t.user_id
