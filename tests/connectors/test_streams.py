"""Bytes, lines and gzip: whatever the pieces in which they come."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.streams import Cut, json_lines, lines, unpacked

PIECES = st.lists(st.integers(1, 40), max_size=30)


def cut(content: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(content[:size])
        content = content[size:]
    return [*pieces, content]


@given(st.binary(max_size=400), PIECES)
def test_lines_are_what_lies_between_newline_bytes(content: bytes, sizes: list[int]) -> None:
    expected = content.split(b"\n")
    assert list(lines(cut(content, sizes))) == (expected if expected[-1] else expected[:-1])


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3), PIECES)
def test_gzip_comes_out_as_it_went_in_also_when_files_were_put_together(parts: list[bytes], sizes: list[int]) -> None:
    packed = b"".join(gzip.compress(part) for part in parts)
    assert b"".join(unpacked(cut(packed, sizes))) == b"".join(parts)


@given(st.binary(min_size=1, max_size=2000), st.data(), PIECES)
def test_a_gzip_that_ends_too_early_is_never_taken_for_whole(
    content: bytes, data: st.DataObject, sizes: list[int]
) -> None:
    packed = gzip.compress(content)
    short = packed[: data.draw(st.integers(2, len(packed) - 1))]
    with pytest.raises(Cut, match="ends before its end"):
        list(unpacked(cut(short, sizes)))


@given(st.binary(max_size=200).filter(lambda content: not content.startswith(b"\x1f\x8b")), PIECES)
def test_what_is_not_packed_stays_as_it_is(content: bytes, sizes: list[int]) -> None:
    assert b"".join(unpacked(cut(content, sizes))) == content


@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=8), PIECES)
def test_objects_come_back_one_a_line(rows: list[dict[str, str]], sizes: list[int]) -> None:
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "surrogatepass")
    assert list(json_lines(cut(content, sizes))) == rows


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a":1}\n{"b":', "it ends in the middle of line 2"),
        (b'{"a":1}\n[1]\n{"b":2}\n', "line 2 is no JSON object"),
        (b'{"a":1}\nTerminated early', 'it stopped with "Terminated early" after 1 lines'),
        (b'{"a":\nterminated early\n', 'it stopped with "terminated early" after 1 lines'),
        (b"<html>\n<body>\n</html>\n", "line 1 is no JSON object"),
    ],
)
def test_what_is_no_stream_of_objects_is_no_end_of_data(content: bytes, told: str) -> None:
    with pytest.raises(Cut) as raised:
        list(json_lines([content], ends=(b"terminated early",)))
    assert str(raised.value) == told


def test_a_damaged_gzip_says_so() -> None:
    packed = bytearray(gzip.compress(b"abc" * 100))
    packed[20] ^= 0xFF
    with pytest.raises(Cut, match=r"damaged|ends before"):
        list(unpacked([bytes(packed)]))
