with logged as (
    select * from {{ ref('segment_overlap_log') }}
    where run_no = {{ published_run() }}
),

sizes as (
    select
        segment_no,
        both_users as users
    from logged
    where segment_no = other_no
),

shared as (
    select
        segment_no,
        other_no,
        both_users
    from logged
    where segment_no <> other_no
    union all
    select
        other_no as segment_no,
        segment_no as other_no,
        both_users
    from logged
    where segment_no <> other_no
),

rules as (
    select
        n.segment_no,
        n.segment,
        s.definition_hash
    from {{ ref('segments') }} as s
    join {{ ref('segment_names') }} as n on s.segment = n.segment
    where s.status <> 'deleted'
),

-- The same rule is worth knowing of two segments that are still empty.
same as (
    select
        one.segment_no,
        two.segment_no as other_no
    from rules as one
    join rules as two on one.definition_hash = two.definition_hash and one.segment_no <> two.segment_no
),

pairs as (
    select
        coalesce(a.segment_no, b.segment_no) as segment_no,
        coalesce(a.other_no, b.other_no) as other_no,
        coalesce(a.both_users, 0) as both_users,
        b.segment_no is not null as same_rule
    from shared as a
    full join same as b on a.segment_no = b.segment_no and a.other_no = b.other_no
),

measured as (
    select
        one.segment,
        two.segment as other,
        coalesce(u.users, 0) as users,
        coalesce(v.users, 0) as other_users,
        p.both_users,
        p.same_rule,
        case
            when u.users > 0 or v.users > 0
                then p.both_users / (coalesce(u.users, 0) + coalesce(v.users, 0) - p.both_users)
        end as jaccard
    from pairs as p
    join rules as one on p.segment_no = one.segment_no
    join rules as two on p.other_no = two.segment_no
    left join sizes as u on p.segment_no = u.segment_no
    left join sizes as v on p.other_no = v.segment_no
)

select
    segment,
    other,
    users::bigint as users,
    other_users::bigint as other_users,
    both_users::bigint as "both",
    case when users > 0 then both_users / users end as share,
    case when other_users > 0 then both_users / other_users end as other_share,
    jaccard,
    case
        when users = other_users and both_users = users then 'same_members'
        when both_users = other_users and other_users > 0 then 'contains'
        when both_users = users and users > 0 then 'within'
        when same_rule or jaccard >= 0.95 then 'likely_duplicate'
        else 'overlaps'
    end as relation,
    same_rule,
    coalesce(same_rule or jaccard >= 0.95, false) as is_likely_duplicate
from measured
