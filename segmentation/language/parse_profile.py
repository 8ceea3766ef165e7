"""Leaves about what people are: attributes, tags, segments, devices, reachability, places and the random bucket.

Not here: leaves about what they did (parse_events.py).
"""

from __future__ import annotations

from typing import cast

from segmentation.language import words
from segmentation.language.literals import literal
from segmentation.language.model import (
    Attribute,
    Bucket,
    Check,
    Device,
    DeviceWord,
    InSegment,
    Located,
    Reach,
    Tag,
    Test,
)
from segmentation.language.parse_check import check, operator_value
from segmentation.language.parse_values import (
    channel,
    identifier,
    mapping,
    number,
    place,
    text,
    texts,
    unknown_words,
)
from segmentation.language.problems import Report, did_you_mean, found, one_of
from segmentation.language.yaml_file import Fields, Items, Node


def attribute(word: str, fields: Fields, r: Report) -> Attribute | None:
    """`attribute`, with its operators beside it."""
    for key in fields.fields:
        if key != word and key not in words.CHECK_WORDS:
            r.word(fields.lines[key], key, words.CHECK_WORDS, "beside attribute")
    path = text(fields.fields[word], r, "the name of an attribute")
    if any(key != word and key not in words.CHECK_WORDS for key in fields.fields) and not any(
        key in words.VALUE_WORDS for key in fields.fields
    ):
        return None  # the unknown word is the operator, said already
    checked = check(fields, r, f"attribute {path!r}")
    return None if path is None or checked is None else Attribute(path, checked)


def tag(word: str, fields: Fields, r: Report) -> Tag | None:
    """`tag`: one, any of several, or all of several."""
    unknown_words(fields, r, (word,), f"beside {word}")
    node = fields.fields[word]
    if isinstance(node, Items):
        r.wrong(node, "a tag, {any: [...]} or {all: [...]}", hint="; say whether any or all of the tags are meant")
        return None
    if not isinstance(node, Fields):
        one = text(node, r, "a tag, {any: [...]} or {all: [...]}")
        return None if one is None else Tag((one,))
    inside = mapping(node, r, ("any", "all"), "in tag")
    given = [name for name in ("any", "all") if name in node.fields]
    if inside is None or len(given) != 1:
        r.error(node.line, f"found {' and '.join(given) or 'neither any nor all'} in tag, expected any or all")
        return None
    several = texts(node.fields[given[0]], r, "a list of tags")
    if several is None:
        return None
    return Tag(tuple(sorted(several)), "any" if given == ["any"] or len(several) == 1 else "all")


def segment(word: str, fields: Fields, r: Report) -> InSegment | None:
    """`segment`: membership in another segment."""
    unknown_words(fields, r, (word,), f"beside {word}")
    name = reference(fields.fields[word], r)
    return None if name is None else InSegment(name)


def reference(node: Node, r: Report) -> str | None:
    """The name of another segment, remembered with its line so that the folder can look it up."""
    name = text(node, r, "the name of a segment")
    if name is not None:
        r.references.append((name, node.line))
    return name


def device(word: str, fields: Fields, r: Report) -> Device | None:
    """Device words of one leaf, which hold for one and the same device."""
    before = len(r.problems)
    unknown_words(fields, r, words.DEVICE_WORDS, f"beside {word}")
    checks: list[tuple[DeviceWord, Check]] = []
    for name in words.DEVICE_WORDS:
        if name in fields.fields:
            checked = _device_check(name, fields.fields[name], r)
            if checked is not None:
                checks.append((cast(DeviceWord, name), checked))
    return Device(tuple(checks)) if len(r.problems) == before else None


def _device_check(word: str, node: Node, r: Report) -> Check | None:
    convert = "version" if word in words.VERSION_WORDS else None
    checked: Check | None
    if isinstance(node, Fields):
        unknown_words(node, r, words.DEVICE_OPERATORS, f"in {word}")
        checked = check(node, r, word, operators=words.DEVICE_OPERATORS, convert=convert)  # type: ignore[arg-type]
    elif isinstance(node, Items):
        if convert is None and texts(node, r, f"a list of {word} names") is None:
            return None
        test = operator_value("in", node, r, convert)  # type: ignore[arg-type]
        checked = None if test is None else Check((test,), convert)  # type: ignore[arg-type]
    elif convert:
        value = literal(node, r, "equals", "version")
        checked = None if value is None else Check((Test("equals", value),), "version")
    else:
        name = text(node, r, f"a {word}, a list of them, or a mapping with an operator")
        checked = None if name is None else Check((Test("equals", name),))
    if word == "platform" and checked is not None:
        _warn_of_platforms(checked, node, r)
    return checked


def _warn_of_platforms(checked: Check, node: Node, r: Report) -> None:
    for test in checked.tests:
        if test.operator in ("equals", "not_equals", "in", "not_in"):
            values = test.value if isinstance(test.value, tuple) else (test.value,)
            for value in values:
                if isinstance(value, str) and value not in words.PLATFORMS and not checked.ignore_case:
                    r.warn(node.line, f"found platform {value!r}, the usual ones are {one_of(words.PLATFORMS)}"
                                      f"{did_you_mean(value, words.PLATFORMS)}")  # fmt: skip


def reach(word: str, fields: Fields, r: Report) -> Reach | None:
    """`reachable`, `opted_in`, `blacklisted`."""
    unknown_words(fields, r, (word,), f"beside {word}")
    on = channel(fields.fields[word], r)
    return None if on is None else Reach(word, on)  # type: ignore[arg-type]


def located(word: str, fields: Fields, r: Report) -> Located | None:
    """`located`: the profile's last known place."""
    unknown_words(fields, r, (word,), f"beside {word}")
    at = place(fields.fields[word], r)
    return None if at is None else Located(at)


def bucket(word: str, fields: Fields, r: Report) -> Bucket | None:
    """`bucket`: a stable random part of everybody."""
    unknown_words(fields, r, (word,), f"beside {word}")
    inside = mapping(fields.fields[word], r, words.BUCKET, f"in {word}", required=words.BUCKET)
    if inside is None or any(name not in inside.fields for name in words.BUCKET):
        return None
    seed = identifier(inside.fields["seed"], r, "any text that names the draw")
    start, end = (
        number(inside.fields[name], r, "a percentage from 0 to 100", low=0, high=100) for name in ("from", "to")
    )
    if seed is None or start is None or end is None:
        return None
    if start > end:
        both = f"from {found(inside.fields['from'])} to {found(inside.fields['to'])}"
        r.error(inside.line, f"found a bucket {both}, which ends before it starts, expected the smaller one first")
        return None
    return Bucket(seed, float(start), float(end))
