"""`activate`: what leaves the house, checked word by word.

It stays plain values as they were written; what sends members reads them there. Not here: `tests` (parse_tests.py).
"""

from __future__ import annotations

import re
from pathlib import Path

from segmentation.language import words
from segmentation.language.export_fields import fields_of
from segmentation.language.export_places import place_of
from segmentation.language.parse_refresh import cron_error
from segmentation.language.parse_values import boolean, choice, mapping, text, texts, unknown_words, whole
from segmentation.language.problems import Report, did_you_mean, one_of
from segmentation.language.yaml_file import Atom, Fields, Items, Node, plain

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z", re.ASCII)


def activate(node: Node, r: Report) -> tuple[object, ...]:
    """The list under `activate`, as plain values."""
    if not isinstance(node, Items):
        r.wrong(node, "a list of destinations such as [{to: netmera_tag, when: daily}]")
        return ()
    for item in node.items:
        fields = mapping(item, r, _destination_words(item), "in activate", required=("to", "when"))
        if fields is not None:
            _destination(fields, r)
    return tuple(plain(item) for item in node.items)


def _destination_words(node: Node) -> tuple[str, ...]:
    """What may stand beside the destination named, or beside any if it is unknown."""
    to = node.fields.get("to") if isinstance(node, Fields) else None
    named = to.value if isinstance(to, Atom) else None
    beside = words.DESTINATIONS.get(named) if isinstance(named, str) else None
    if beside is None:
        beside = tuple(dict.fromkeys(word for allowed in words.DESTINATIONS.values() for word in allowed))
    return ("to", "when", *beside)


def _destination(fields: Fields, r: Report) -> None:
    to = choice(fields.fields["to"], r, words.DESTINATIONS) if "to" in fields.fields else None
    if "when" in fields.fields:
        _when(fields.fields["when"], r, to)
    for word in words.REQUIRED_BY_DESTINATION.get(to or "", ()):
        if word not in fields.fields:
            r.error(fields.line, f"found no {word!r} beside to: {to}, expected it")
    for word in ("audience", "tag", "title", "text"):
        if word in fields.fields:
            text(fields.fields[word], r)
    if "path" in fields.fields:
        _path(fields.fields["path"], r)
    if "url_env" in fields.fields:
        variable = text(fields.fields["url_env"], r, "the name of an environment variable")
        if variable is not None and not _VARIABLE.match(variable):
            r.wrong(fields.fields["url_env"], "the name of an environment variable such as JOURNEY_HOOK_URL")
    if "mode" in fields.fields:
        choice(fields.fields["mode"], r, words.MODES)
    if "format" in fields.fields:
        choice(fields.fields["format"], r, words.FORMATS)
    if "delta" in fields.fields:
        boolean(fields.fields["delta"], r)
    if "channel" in fields.fields:
        choice(fields.fields["channel"], r, words.CHANNELS)
    for word, allowed in (("also", words.ALSO), ("platforms", words.PUSH_PLATFORMS)):
        if word in fields.fields:
            _chosen(fields.fields[word], r, allowed)
    if "also" in fields.fields and to != "webhook" and not _follows_changes(fields.fields.get("when")):
        r.warn(fields.fields["also"].line, "found also beside a schedule, which sends all members as it is")
    if "fields" in fields.fields:
        _fields(fields.fields["fields"], r)


def _path(node: Node, r: Report) -> None:
    path = text(node, r)
    if path is not None:
        try:
            place_of(path, Path())
        except ValueError as error:
            r.error(node.line, str(error))


def _fields(node: Node, r: Report) -> None:
    if texts(node, r, "a list of fields such as [external_id, attributes.tier]") is not None:
        try:
            fields_of(plain(node))
        except ValueError as error:
            r.error(node.line, str(error))


def _follows_changes(node: Node | None) -> bool:
    return isinstance(node, Atom) and node.value in words.ON_CHANGES


def _chosen(node: Node, r: Report, allowed: tuple[str, ...]) -> None:
    if not isinstance(node, Items) or not node.items:
        r.wrong(node, f"a list of {' and '.join(allowed)}")
        return
    for item in node.items:
        choice(item, r, allowed)


def _when(node: Node, r: Report, to: str | None) -> None:
    allowed = words.WHENS_OF.get(to or "", words.WHENS)
    what = f"{', '.join(allowed)}, {{weekly: mon}}, {{monthly: 1}} or a cron line"
    if isinstance(node, Fields):
        unknown_words(node, r, ("weekly", "monthly"), "in when")
        given = [word for word in ("weekly", "monthly") if word in node.fields]
        if len(given) != 1:
            r.error(node.line, f"found {' and '.join(given) or 'no rhythm'} in when, expected weekly or monthly")
        elif given == ["weekly"]:
            choice(node.fields["weekly"], r, words.WEEKDAYS)
        else:
            whole(node.fields["monthly"], r, "a day of the month", low=1, high=31)
        return
    if not isinstance(node, Atom) or not isinstance(node.value, str):
        r.wrong(node, what)
    elif node.value in words.ON_CHANGES and node.value not in allowed:
        r.wrong(node, f"{what}, as a message goes to everybody in the segment each time and not to who came or left")
    elif node.value not in allowed:
        if len(node.value.split()) != 5:
            r.wrong(node, what, hint=did_you_mean(node.value, allowed))
        elif error := cron_error(node.value):
            r.wrong(node, f"{one_of(allowed)}, or a cron line that is valid: {error}")
