"""What stands beside the rule: `tests` (small people) and `activate` (what leaves the house), checked word by word.

Both stay plain values as they were written; what runs tests and sends members reads them there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from segmentation.clock import parse_moment
from segmentation.language import words
from segmentation.language.parse_refresh import cron_error
from segmentation.language.parse_values import choice, mapping, text, texts, unknown_words, whole
from segmentation.language.problems import Report, did_you_mean, found, one_of
from segmentation.language.yaml_file import Atom, Fields, Items, Node, plain

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*\Z", re.ASCII)


def tests(node: Node, r: Report) -> tuple[object, ...]:
    """The list under `tests`, as plain values."""
    if not isinstance(node, Items):
        r.wrong(node, "a list of tests, each with as_of, users, in and out")
        return ()
    for item in node.items:
        fields = mapping(item, r, words.TEST, "in a test", required=("as_of", "users"))
        if fields is not None:
            _test(fields, r)
    return tuple(plain(item) for item in node.items)


def _test(fields: Fields, r: Report) -> None:
    if "as_of" in fields.fields:
        _moment(fields.fields["as_of"], r)
    users = fields.fields.get("users")
    known: Iterable[str] | None = None
    if isinstance(users, Fields):
        known = list(users.fields)
        for person in users.fields.values():
            if not isinstance(person, Fields) and not (isinstance(person, Atom) and person.value is None):
                r.wrong(person, "a mapping with the attributes of a user, or {}")
    elif users is not None:
        r.wrong(users, "a mapping of users to their attributes such as {ann: {tier: gold}}")
    if "events" in fields.fields:
        _events(fields.fields["events"], r)
    if "in" not in fields.fields and "out" not in fields.fields:
        r.error(fields.line, "found a test that expects nothing, expected in, out or both")
    inside = _people(fields.fields["in"], r, known) if "in" in fields.fields else set()
    outside = _people(fields.fields["out"], r, known) if "out" in fields.fields else set()
    for name in sorted(inside & outside):
        r.error(fields.lines["out"], f"found {name!r} under in and under out, expected one of them")


def _people(node: Node, r: Report, known: Iterable[str] | None) -> set[str]:
    """Ids are the keys of `users`, thus text, however they look."""
    if not isinstance(node, Items):
        r.wrong(node, "a list of users such as [ann]")
        return set()
    people: set[str] = set()
    for item in node.items:
        if not isinstance(item, Atom) or item.value is None:
            r.wrong(item, "the id of a user")
        elif known is not None and item.text not in known:
            r.error(item.line, f"found {found(item)}, expected one of the test's users{did_you_mean(item.text, known)}")
        else:
            people.add(item.text)
    return people


def _events(node: Node, r: Report) -> None:
    what = "an event such as [ann, purchase, 2026-02-28T20:00:00Z, {amount: 30}]"
    if not isinstance(node, Items):
        r.wrong(node, "a list of events")
        return
    for item in node.items:
        if not isinstance(item, Items) or len(item.items) not in (3, 4):
            r.wrong(item, what)
            continue
        user, event, at, *properties = item.items
        if not isinstance(user, Atom) or user.value is None:
            r.wrong(user, "the id of a user")
        text(event, r, "the name of an event")
        _moment(at, r)
        if properties and not isinstance(properties[0], Fields):
            r.wrong(properties[0], "a mapping with the properties of the event")


def _moment(node: Node, r: Report) -> None:
    try:
        if isinstance(node, Atom) and isinstance(node.value, str) and parse_moment(node.value) is not None:
            return
    except ValueError as error:
        r.wrong(node, "a timestamp such as 2026-03-01T00:00:00Z", hint=f": {error}")
        return
    r.wrong(node, "a timestamp such as 2026-03-01T00:00:00Z")


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
        _when(fields.fields["when"], r)
    for word in words.REQUIRED_BY_DESTINATION.get(to or "", ()):
        if word not in fields.fields:
            r.error(fields.line, f"found no {word!r} beside to: {to}, expected it")
    for word in ("audience", "path", "tag"):
        if word in fields.fields:
            text(fields.fields[word], r)
    if "url_env" in fields.fields:
        variable = text(fields.fields["url_env"], r, "the name of an environment variable")
        if variable is not None and not _VARIABLE.match(variable):
            r.wrong(fields.fields["url_env"], "the name of an environment variable such as JOURNEY_HOOK_URL")
    if "mode" in fields.fields:
        choice(fields.fields["mode"], r, words.MODES)
    if "format" in fields.fields:
        choice(fields.fields["format"], r, words.FORMATS)
    if "fields" in fields.fields:
        texts(fields.fields["fields"], r, "a list of fields such as [external_id, attributes.tier]")


def _when(node: Node, r: Report) -> None:
    what = f"{', '.join(words.WHENS)}, {{weekly: mon}}, {{monthly: 1}} or a cron line"
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
    elif node.value not in words.WHENS:
        if len(node.value.split()) != 5:
            r.wrong(node, what, hint=did_you_mean(node.value, words.WHENS))
        elif error := cron_error(node.value):
            r.wrong(node, f"{one_of(words.WHENS)}, or a cron line that is valid: {error}")
