-- Which bits a byte of a 64-bit word has set: 8 bytes x 256 values, so that members are read out of words by one
-- equality join per non-zero byte instead of 64 tests per word.
select
    bytes.place::utinyint as place,
    byte_values.value::utinyint as value,
    (bytes.place * 8 + bits.position)::utinyint as position
from range(8) as bytes (place)
cross join range(1, 256) as byte_values (value)
cross join range(8) as bits (position)
where (byte_values.value >> bits.position) & 1 = 1
