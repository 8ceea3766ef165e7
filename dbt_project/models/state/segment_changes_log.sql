{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_unpublished() }}") }}
with computed as (
    select
        segment_no,
        segment_no // 64 as word,
        1::ubigint << (segment_no % 64) as mask,
        cause
    from {{ source('raw', 'segment_definitions') }}
    where run_no = {{ this_run() }} and is_computed and mode = 'present'
),

now_bits as (
    select
        word,
        person_no,
        bits
    from {{ ref('segment_bits') }}
    where run_no = {{ this_run() }}
),

then_bits as (
    select
        b.word,
        b.person_no,
        b.bits
    from {{ ref('segment_bits') }} as b
    join {{ word_versions() }} as v on b.word = v.word and b.run_no = v.run_no
    where b.word in (select word from computed)
),

flips as (
    select
        coalesce(n.word, o.word) as word,
        coalesce(n.person_no, o.person_no) as person_no,
        coalesce(n.bits, 0::ubigint) & ~coalesce(o.bits, 0::ubigint) as entered_bits,
        coalesce(o.bits, 0::ubigint) & ~coalesce(n.bits, 0::ubigint) as left_bits
    from now_bits as n
    full join then_bits as o on n.word = o.word and n.person_no = o.person_no
    where n.bits is distinct from o.bits
),

changes as (
    select
        segment_no,
        person_no,
        'entered' as change
    from {{ members_of('flips', 'entered_bits') }}
    union all
    select
        segment_no,
        person_no,
        'left' as change
    from {{ members_of('flips', 'left_bits') }}
)

select
    {{ this_run() }}::uinteger as run_no,
    changes.segment_no::usmallint as segment_no,
    changes.person_no::uinteger as person_no,
    {{ this_run('as_of') }} as as_of,
    changes.change,
    computed.cause
from changes
join computed on changes.segment_no = computed.segment_no
order by changes.segment_no, changes.change, changes.person_no
