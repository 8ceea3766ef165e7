"""The head of a definition: names, dates, labels, universe, and which other segments it includes and excludes.

Not here: its kind (parse_rule.py, parse_kinds.py).
"""

from __future__ import annotations

import re
from datetime import date, datetime

from segmentation.language import words
from segmentation.language.model import ActiveWithin, Known, ReachableOn, Universe
from segmentation.language.parse_profile import reference
from segmentation.language.parse_values import channel, mapping, text
from segmentation.language.parse_window import moment, span
from segmentation.language.problems import Report, did_you_mean, strange_letter
from segmentation.language.yaml_file import Atom, Fields, Items, Node

_ACTIVE = "active within "
_UNIVERSE = "known, active within 90 days, or {reachable: push}"


def name(fields: Fields, stem: str, r: Report) -> str | None:
    """The segment's name, which is also the name of its file without the ending."""
    node = fields.fields.get("name")
    if node is None:
        if not any(did_you_mean(key, ["name"]) for key in fields.fields if key not in words.HEAD):
            what = f"name: {stem}" if words.NAME.match(stem) else "a name, and a file that is named after it"
            r.error(fields.line, f"found no name, expected {what}")
        return None
    written = text(node, r, "the name of the segment")
    if written is None:
        return None
    if not words.NAME.match(written):
        suggestion = re.sub(r"[^a-z0-9]+", "_", written.lower()).strip("_")
        hint = strange_letter(written)
        if not hint and words.NAME.match(suggestion):
            hint = f"; did you mean {suggestion!r}?"
        r.wrong(node, "a name of at most 100 small letters, digits and _, beginning with a letter", hint=hint)
        return None
    if written in words.SYSTEM_SEGMENTS:
        r.wrong(node, "another name: this segment exists without a file")
        return None
    if written != stem and words.NAME.match(stem):
        r.wrong(node, f"{stem!r}, the name of the file")
        return None
    if written != stem:
        r.error(node.line, f"found {written!r} in a file named {stem!r}, expected the file to be named {written}.yml")
        return None
    return written


def description(node: Node, r: Report) -> str | None:
    """A text of limited length."""
    written = text(node, r)
    if written is not None and len(written) > words.MAX_DESCRIPTION:
        r.error(
            node.line,
            f"found a description of {len(written)} characters, expected at most {words.MAX_DESCRIPTION}",
        )
        return None
    return written


def created_on(node: Node, r: Report) -> date | None:
    """A date without time."""
    if isinstance(node, Atom) and isinstance(node.value, str) and len(node.value) > 10 and "T" in node.value:
        r.wrong(node, "a date such as 2026-05-04, without a time")
        return None
    day = moment(node, r)
    if isinstance(day, datetime):
        r.wrong(node, "a date such as 2026-05-04, without a time")
        return None
    return day


def universe(node: Node, r: Report) -> Universe | None:
    """Who a rule looks at."""
    if isinstance(node, Fields):
        mapping(node, r, ("reachable",), "under universe", required=("reachable",))
        on = channel(node.fields["reachable"], r) if "reachable" in node.fields else None
        return None if on is None else ReachableOn(on)
    written = node.value if isinstance(node, Atom) else None
    if written == "known":
        return Known()
    if isinstance(written, str) and written.startswith(_ACTIVE):
        rest = written.removeprefix(_ACTIVE)
        window = span(Atom(rest, node.line, rest, False), r)
        return None if window is None else ActiveWithin(window)
    hint = ""
    if isinstance(written, str):
        hint = did_you_mean(written, ("known", "active within 90 days"))
        if written.startswith("reachable"):
            hint = "; did you mean {reachable: push}?"
    r.wrong(node, _UNIVERSE, hint=hint)
    return None


def segments(node: Node, r: Report) -> tuple[str, ...]:
    """The names under `include` or `exclude`, each once."""
    if not isinstance(node, Items):
        hint = f"; write [{node.text}]" if isinstance(node, Atom) and isinstance(node.value, str) else ""
        r.wrong(node, "a list of segments", hint=hint)
        return ()
    names = [reference(item, r) for item in node.items]
    return tuple(dict.fromkeys(one for one in names if one is not None))
