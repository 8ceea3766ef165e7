"""Bytes as they come from a vendor: unpacked, cut into lines and read as JSON, a piece at a time.

Nothing here holds more than a chunk and a line. What ends too early is an error, never the end.
Not here: where the bytes come from (http.py) and what a line means.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

_GZIP = b"\x1f\x8b"
_LONGEST_LINE = 64 * 1024 * 1024
_UNPACKED = 1 << 20


class Cut(ValueError):
    """A stream that ends too early or cannot be unpacked or read; the message is the end of a sentence."""


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The stream without its gzip, if its first bytes say that it has one; as it is otherwise.

    Raises Cut if a gzip ends before its end, or is damaged.
    """
    pieces = iter(chunks)
    head = b""
    while len(head) < 2 and (piece := next(pieces, None)) is not None:
        head += piece
    whole = chain([head], pieces)
    return _gunzip(whole) if head.startswith(_GZIP) else whole


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.decompressobj(wbits=31)
    begun = False
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if packer.eof:  # another member follows, as in files that were put together
                    packer = zlib.decompressobj(wbits=31)
                begun = True
                yield packer.decompress(rest, _UNPACKED)
                rest = packer.unconsumed_tail or packer.unused_data
    except zlib.error:
        raise Cut("the gzip data is damaged") from None
    while begun and not packer.eof:
        piece = packer.decompress(packer.unconsumed_tail, _UNPACKED)
        if not piece:
            raise Cut("the gzip data ends before its end")
        yield piece


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, without their ends; a last one without an end as well.

    A line ends with a newline byte and with nothing else: JSON may hold U+2028 and U+0085, where str.splitlines cuts.
    """
    pending: list[bytes] = []
    size = 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        pending.append(first)
        size += len(first)
        if size > _LONGEST_LINE:
            raise Cut("a line is longer than 64 MiB")
        if others:
            yield b"".join(pending)
            yield from others[:-1]
            pending, size = [others[-1]], len(others[-1])
    if rest := b"".join(pending):
        yield rest


def json_lines(stream: Iterable[bytes], ends: tuple[bytes, ...] = ()) -> Iterator[dict[str, Any]]:
    """The object of each line. `ends` are whole lines by which a vendor says that it stopped in the middle.

    A record that was split over two lines is put together. Raises Cut for one of `ends`, and for a line that is no
    JSON object even so.
    """
    held = b""
    number = 0
    for number, line in enumerate(lines(stream), start=1):
        bare = line.strip()
        if not bare:
            continue
        if bare.lower() in ends:
            raise Cut(f'it stopped with "{bare.decode("ascii", "replace")}" after {number - 1} lines')
        found = _object(bare)
        if found is None and held:
            found = _object(held + bare)
            if found is None:
                raise Cut(f"line {number - 1} is no JSON object")
        elif held:
            raise Cut(f"line {number - 1} is no JSON object")
        if found is None:
            held = line.strip(b"\r")
            continue
        held = b""
        yield found
    if held:
        raise Cut(f"it ends in the middle of line {number}")


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def as_json(value: object) -> str:
    """JSON text that any reader takes: what is no JSON number (NaN, infinity) is null."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        plain = json.loads(json.dumps(value), parse_constant=lambda _: None)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
