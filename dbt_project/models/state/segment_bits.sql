{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ forget_old_bits() }}") }}
-- Words that this run touches are written anew as a whole: bits of segments it computed from the plan, the others as
-- they were. Words it does not touch keep their version.
with touched as (
    select
        segment_no // 64 as word,
        bit_or(1::ubigint << (segment_no % 64)) as mask
    from {{ source('raw', 'segment_definitions') }}
    where run_no = {{ this_run() }} and is_computed and mode = 'present'
    group by all
),

before as (
    {% if is_incremental() %}
        select
            b.word,
            b.person_no,
            b.bits
        from {{ this }} as b
        join {{ word_versions() }} as v on b.word = v.word and b.run_no = v.run_no
        where b.word in (select word from touched)
    {% else %}
        select
            0::usmallint as word,
            0::uinteger as person_no,
            0::ubigint as bits
        where false
    {% endif %}
),

merged as (
    select
        coalesce(n.word, b.word) as word,
        coalesce(n.person_no, b.person_no) as person_no,
        coalesce(b.bits, 0::ubigint) as before_bits,
        coalesce(n.bits, 0::ubigint) as now_bits
    from {{ ref('segment_bits_now') }} as n
    full join before as b on n.word = b.word and n.person_no = b.person_no
)

select
    {{ this_run() }}::uinteger as run_no,
    m.word::usmallint as word,
    m.person_no::uinteger as person_no,
    ((m.before_bits & ~t.mask) | m.now_bits)::ubigint as bits
from merged as m
join touched as t on m.word = t.word
where ((m.before_bits & ~t.mask) | m.now_bits) <> 0
order by m.word, m.person_no
