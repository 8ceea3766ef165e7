"""Static lists, row by row and the slow way: which user each line of an uploaded file names, or why it names none.

Written from the meaning of the words: `g` is the user's id; `i` is the external id, else the e-mail, else the phone
number, and the first of these that anybody has decides. Here: the file's lines, their matching, and what uploads make
of a list. Not here: anything else about segments.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
BAD = frozenset({"bad_type", "no_identity", "unreadable"})


@dataclass(frozen=True)
class Line:
    """A line that is not blank. `problem` says what is wrong with its form, if anything is."""

    number: int
    type: str | None
    identity: str | None
    problem: str | None


@dataclass(frozen=True)
class Verdict:
    """What became of a line: outcome, what the identity was found as, and the one user it names."""

    line: int
    outcome: str
    strategy: str | None
    user: str | None


def lines_of(content: str) -> list[Line]:
    """The lines of a file that are not blank, the header of a file with Type and Identity left out."""
    numbered = list(enumerate(re.split(r"\r\n|\n|\r", content.removeprefix("\ufeff")), start=1))
    written = [(number, text) for number, text in numbered if _stripped(text.replace('"', ""))]
    if not written:
        return []
    for delimiter in ",;\t|":
        header = [cell.strip().lower() for cell in next(csv.reader([written[0][1]], delimiter=delimiter))]
        if {"type", "identity"} <= set(header):
            rows = [_line(number, text, header, delimiter) for number, text in written[1:]]
            return [row for row in rows if row is not None]
    return [Line(number, "i", _stripped(_unquoted(text)), None) for number, text in written]


def _line(number: int, text: str, header: list[str], delimiter: str) -> Line | None:
    if not _stripped(text.replace(delimiter, "").replace('"', "")):
        return None
    cells = _cells(text, delimiter)
    if cells is None or any(cell.strip() for cell in cells[len(header) :]):
        return Line(number, None, None, "unreadable")
    kind, identity = ((cells + [""] * len(header))[header.index(word)] for word in ("type", "identity"))
    if kind.strip().lower() not in ("g", "i"):
        return Line(number, None, None, "bad_type")
    if not _stripped(identity):
        return Line(number, None, None, "no_identity")
    return Line(number, kind.strip().lower(), _stripped(identity), None)


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of one line: bare ones hold no quote, quoted ones double it; None if the quotes do not add up."""
    parts = [""]
    for character in text:
        if character == delimiter and parts[-1].count('"') % 2 == 0:
            parts.append("")
        else:
            parts[-1] += character
    cells = []
    for part in parts:
        bare = part.strip(" ")
        if '"' not in bare:
            cells.append(part)
        elif len(bare) > 1 and bare[0] == bare[-1] == '"' and '"' not in bare[1:-1].replace('""', ""):
            cells.append(bare[1:-1].replace('""', '"'))
        else:
            return None
    return cells


def _unquoted(text: str) -> str:
    text = text.strip(" ")
    return text[1:-1].replace('""', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def _is_blank(character: str) -> bool:
    return unicodedata.category(character) in {"Zs", "Zl", "Zp", "Cc", "Cf"}


def _stripped(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while end > start and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _as_email(text: str) -> str | None:
    lowered = "".join("i" if letter == "İ" else letter.lower() for letter in _stripped(text))
    local, at, domain = lowered.partition("@")
    usable = bool(at and local and domain) and "@" not in domain and not any(map(_is_blank, lowered))
    return lowered if usable else None


def _as_phone(text: str) -> str | None:
    digits = "".join(c for c in text if not _is_blank(c) and unicodedata.category(c) != "Pd" and c != "\u2212")
    return digits if re.fullmatch(r"\+[0-9]{8,15}", digits) else None


def _answers(line: Line, users: Sequence[Row]) -> tuple[str | None, list[str]]:
    """The strategy that finds anybody first, and all whom it finds."""
    text = line.identity or ""
    asked = {"user_id": text} if line.type == "g" else {
        "external_id": text, "email": _as_email(text), "msisdn": _as_phone(text)
    }  # fmt: skip
    forms = {"user_id": _stripped, "external_id": _stripped, "email": _as_email, "msisdn": _as_phone}
    for strategy, wanted in asked.items():
        found = [u["user_id"] for u in users if wanted and u.get(strategy) and forms[strategy](u[strategy]) == wanted]
        if found:
            return strategy, found
    return None, []


def judge(uploads: Iterable[tuple[str, str]], users: Sequence[Row]) -> tuple[list[list[Verdict]], set[str]]:
    """What became of every line of uploads (content, `replace` or `add`), and who is on the list in the end.

    More than half bad lines, or none at all, refuse an upload: its lines are judged, and change nothing.
    """
    told: list[list[Verdict]] = []
    listed: set[str] = set()
    for content, on_upload in uploads:
        lines = lines_of(content)
        refused = not lines or 2 * sum(line.problem is not None for line in lines) > len(lines)
        known = set() if refused or on_upload == "replace" else set(listed)
        told.append(_verdicts(lines, users, known))
        if not refused:
            listed = known
    return told, listed


def _verdicts(lines: Sequence[Line], users: Sequence[Row], listed: set[str]) -> list[Verdict]:
    """Adds to `listed` whom the lines name."""
    verdicts, seen = [], set[tuple[str | None, str | None]]()
    for line in lines:
        strategy, found = (None, []) if line.problem else _answers(line, users)
        user = found[0] if len(found) == 1 else None
        if line.problem:
            outcome = line.problem
        elif (line.type, line.identity) in seen or user in listed:
            outcome = "duplicate"
        else:
            outcome = "matched" if user else "ambiguous" if found else "not_found"
        if not line.problem:
            seen.add((line.type, line.identity))
        if user:
            listed.add(user)
        verdicts.append(Verdict(line.number, outcome, strategy, user))
    return verdicts
