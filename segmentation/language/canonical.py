"""One text for all spellings of the same meaning, and the hash of a definition made from it.

Fields that hold their default are left out, so a word that the language gains later changes no stored hash.
Not here: whether two rules that are spelled differently select the same people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from segmentation.language.model import All, Any_, Definition, InSegment, Known

HASH_LENGTH = 16

_UNORDERED = {  # fields whose order means nothing, and in which a repetition adds nothing
    "Did": {"where", "events"},
    "Check": {"tests"},
    "AnyFilter": {"filters"},
    "Step": {"where", "events"},
    "Regularly": {"where", "events"},
    "Interest": {"where", "events"},
    "Live": {"where", "events", "then_not"},
    "Predict": {"where"},
    "Tag": {"names"},
    "Response": {"messages"},
    "Device": {"checks"},
}
_FIELDS: dict[type, tuple[tuple[str, object], ...]] = {}
_UNORDERED_LISTS = ("in", "not_in", "has_item")


def canonical(value: Any, hashes: Mapping[str, str] | None = None) -> str:
    """The canonical text of a value of the model. `hashes` replaces the names of segments by what they mean."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else repr(float(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None:
        return "null"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return _list([canonical(item, hashes) for item in value])
    if isinstance(value, All | Any_):
        children = sorted({canonical(child, hashes) for child in value.children})
        return children[0] if len(children) == 1 else f"{type(value).__name__}{_list(children)}"
    if isinstance(value, InSegment):
        return f"InSegment({(hashes or {}).get(value.name, value.name)})"
    return _object(value, hashes)


def _object(value: Any, hashes: Mapping[str, str] | None) -> str:
    kind = type(value).__name__
    unordered = _UNORDERED.get(kind, ())
    parts = []
    for name, default in _fields(type(value)):
        held = getattr(value, name)
        if held == default and type(held) is type(default):
            continue
        free = name in unordered or kind == "Test" and value.operator in _UNORDERED_LISTS
        if free and isinstance(held, tuple):
            parts.append(f"{name}={_list(sorted({canonical(item, hashes) for item in held}))}")
        else:
            parts.append(f"{name}={canonical(held, hashes)}")
    return f"{kind}({','.join(parts)})"


def _fields(kind: type[Any]) -> tuple[tuple[str, object], ...]:
    """Names and defaults of what a class is made from; computed fields follow from the others."""
    known = _FIELDS.get(kind)
    if known is None:
        known = _FIELDS[kind] = tuple((one.name, one.default) for one in fields(kind) if one.init)
    return known


def _list(parts: list[str]) -> str:
    return f"[{','.join(parts)}]"


def definition_hash(definition: Definition, hashes: Mapping[str, str]) -> str:
    """The hash of what decides who is in: kind, body, universe, include, exclude, and the definitions they refer to.

    `hashes` holds the hash of every referenced definition; a name without one, as of a system segment, stands for
    itself.
    """
    parts = [f"kind={definition.kind}", f"body={canonical(definition.body, hashes)}"]
    if not isinstance(definition.universe, Known):
        parts.append(f"universe={canonical(definition.universe)}")
    for word, names in (("include", definition.include), ("exclude", definition.exclude)):
        meanings = sorted({hashes.get(name, name) for name in names})
        if meanings:
            mode = f" {definition.include_mode}" if word == "include" and len(meanings) > 1 else ""
            parts.append(f"{word}{mode}={_list(meanings)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:HASH_LENGTH]
