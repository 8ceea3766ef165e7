"""SQL text as a type of its own, and the only door through which a value of a rule enters it.

`Sql` marks text that is SQL already; a plain `str` never goes into a statement unless `literal` or `identifier` made
it SQL. Not here: what any statement means.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import NewType

from sqlglot import exp

Sql = NewType("Sql", str)

DIALECT = "duckdb"
TRUE = Sql("true")
FALSE = Sql("false")
NULL = Sql("null")

# The statements are dbt models, so Jinja reads them before the database does: it looks for braces, and turns every kind
# of line end into a plain one. A NUL would end the statement.
_SPELLED_OUT = re.compile(r"[{}\r\x00]")


def literal(value: str | float | bool | date | datetime) -> Sql:
    """A quoted literal of the engine; datetimes must be aware and become naive UTC timestamps."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, datetime):
        naive = value.astimezone(UTC).replace(tzinfo=None)
        return Sql(f"timestamp '{naive.isoformat(sep=' ')}'")
    if isinstance(value, date):
        return Sql(f"date '{value.isoformat()}'")
    if isinstance(value, int | float):
        return Sql(f"{float(value)!r}::double")
    pieces = _SPELLED_OUT.split(value)
    if len(pieces) == 1:
        return _quoted(value)
    parts = [_quoted(pieces[0])]
    for mark, piece in zip(_SPELLED_OUT.findall(value), pieces[1:], strict=True):
        parts += [Sql(f"chr({ord(mark)})"), _quoted(piece)]
    return Sql(f"concat({', '.join(parts)})")


def _quoted(text: str) -> Sql:
    return Sql(exp.Literal.string(text).sql(dialect=DIALECT))


def identifier(name: str) -> Sql:
    """A quoted identifier."""
    return Sql(exp.to_identifier(name, quoted=True).sql(dialect=DIALECT))


def column_stem(path: str) -> str:
    """A readable, unique column name for any path: names differ even where the engine ignores case."""
    slug = re.sub(r"[^a-z0-9]+", "_", path.lower()).strip("_")[:30]
    digits_first = "_" if slug[:1].isdigit() else ""  # no bare name of the engine begins with a digit
    return f"{digits_first}{slug}_{digest(path)[:6]}"


def digest(text: str) -> str:
    """A stable short name of a text: 16 hex digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def all_of(terms: Iterable[Sql]) -> Sql:
    """AND of the terms; of none, true."""
    return _joined(" and ", terms, TRUE)


def any_of(terms: Iterable[Sql]) -> Sql:
    """OR of the terms; of none, false."""
    return _joined(" or ", terms, FALSE)


def _joined(word: str, terms: Iterable[Sql], empty: Sql) -> Sql:
    unique = list(dict.fromkeys(terms))
    if not unique:
        return empty
    return unique[0] if len(unique) == 1 else Sql(f"({word.join(unique)})")


def complement(term: Sql) -> Sql:
    """True where the term is false or null: a negative word matches what its positive word does not."""
    return Sql(f"(({term}) is not true)")


def bit(position: int) -> Sql:
    """The word with one bit set."""
    return Sql(f"{1 << position}::ubigint")


def packed(bits: Iterable[tuple[int, Sql]]) -> Sql:
    """One 64-bit word out of (position, condition)."""
    return Sql(" | ".join(f"(case when {term} then {bit(n)} else 0::ubigint end)" for n, term in bits))
