"""Pieces of Markdown for pages in Dagster: tables, and text of people's own without the meaning of its signs.

Not here: what pages say (`assets/`, `health/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SIGNS = frozenset("\\*_[]<>|`#~$&")


def plain(text: str) -> str:
    """Text in one line whose signs are no markup: titles and reasons quote what people and engines wrote."""
    return "".join(f"\\{sign}" if sign in SIGNS else sign for sign in " ".join(text.split()))


def table(columns: Sequence[str], rows: Iterable[Sequence[str | int | float | None]]) -> str:
    """A table; columns whose name ends with `#` hold numbers and lean to the right, and None is shown as a dash."""
    heads = [column.removesuffix("#") for column in columns]
    lean = ["--:" if column.endswith("#") else "---" for column in columns]
    lines = [heads, lean, *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"|{'|'.join(line)}|" for line in lines)


def _cell(value: str | int | float | None) -> str:
    if value is None:
        return "–"
    return plain(value) if isinstance(value, str) else f"{value:,}"
