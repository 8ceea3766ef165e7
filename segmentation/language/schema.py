"""The JSON schema of a segment file, so that editors complete and check while somebody types.

Built from the same word tables as the parser. It knows words and shapes; what goes beyond them (two windows on one
leaf, depth, cycles, patterns) only the parser says. `python -m segmentation.language.schema` writes it to stdout.
Not here: any rule that the parser does not have.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from segmentation.language import words
from segmentation.language.export_fields import PLAIN_FIELDS

Schema = dict[str, Any]

_SPAN = r"[0-9]{1,9} +(minute|hour|day|week|month|year)s?"
_TEXT: Schema = {"type": "string", "minLength": 1}
_ID: Schema = {"type": ["string", "integer"]}
_NUMBER: Schema = {"type": "number"}
_BOOLEAN: Schema = {"type": "boolean"}
_NULL: Schema = {"type": "null"}
_PERSON: Schema = {"type": ["string", "number", "boolean"]}
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_ORDERED: Schema = {"type": ["string", "number"]}
_SHARE: Schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": "%$"}]}
_SPAN_TEXT: Schema = {"type": "string", "pattern": f"^{_SPAN}$"}
_OFFSET: Schema = {"type": "string", "pattern": f"^({_SPAN} +ago|in +{_SPAN})$"}
_MOMENT: Schema = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].+)?$"}


def json_schema() -> Schema:
    """The schema as plain values, draft 2020-12."""
    head: dict[str, Schema] = {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,99}$"},
        "title": _TEXT,
        "description": {**_TEXT, "maxLength": words.MAX_DESCRIPTION},
        "created_by": _TEXT,
        "created_on": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        "labels": _list(_TEXT, least=0),
        "ready_to_use": _BOOLEAN,
        "refresh": {**_TEXT, "examples": list(words.REFRESHES)},
        "paused": _BOOLEAN,
        "universe": {
            "anyOf": [
                {"const": "known"},
                {"type": "string", "pattern": f"^active within {_SPAN}$"},
                _object({"reachable": _enum(words.CHANNELS)}, ["reachable"]),
            ]
        },
        **_kinds(),
        "include": _list(_TEXT, least=0),
        "include_mode": _enum(("any", "all")),
        "exclude": _list(_TEXT, least=0),
        "tests": _list(_test(), least=0),
        "activate": _list({"anyOf": [_destination(to) for to in words.DESTINATIONS]}, least=0),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Segment",
        **_object({word: head[word] for word in words.HEAD}, ["name"]),
        "oneOf": [{"required": [kind]} for kind in words.KINDS],
        "$defs": {
            "rule": {"anyOf": [*(_ref(word) for word in words.GROUPS), *(_ref(word) for word in words.LEAVES)]},
            "all": _object({"all": _list(_ref("rule"))}, ["all"]),
            "any": _object({"any": _list(_ref("rule"))}, ["any"]),
            "not": _object({"not": _ref("rule")}, ["not"]),
            **{word: _leaf(word) for word in words.LEAVES},
            **{f"window_{word}": shape for word, shape in _window_shapes().items()},
            **{f"check_{word}": shape for word, shape in _check_shapes().items()},
            **{f"aggregate_{word}": _aggregate(word) for word in words.AGGREGATES},
            "hours": _pair({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"}),
            "weekdays": _list(_enum(words.WEEKDAYS)),
            **{f"device_{word}": _device(word) for word in words.DEVICE_WORDS},
            "filter": _object({"property": _TEXT, **_check()}, ["property"]),
            "filters": _list({"anyOf": [_ref("filter"), _object({"any": _list(_ref("filter"))}, ["any"])]}),
            "place": {
                "anyOf": [
                    _object({"city": _TEXT}, ["city"]),
                    _object({"lat": _NUMBER, "lon": _NUMBER, "within_m": {**_NUMBER, "minimum": 0}}, words.PLACE[1:]),
                ]
            },
        },
    }


def _object(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _list(items: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": least}


def _pair(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 2, "maxItems": 2}


def _enum(values: Iterable[str]) -> Schema:
    return {"enum": list(values)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _one_or_several(what: Schema) -> Schema:
    return {"anyOf": [what, _list(what)]}


# ---------------------------------------------------------------- values that many leaves share


def _windows() -> dict[str, Schema]:
    return {word: _ref(f"window_{word}") for word in words.WINDOWS}


def _check(operators: Iterable[str] = words.CHECK_WORDS) -> dict[str, Schema]:
    return {word: _ref(f"check_{word}") for word in operators}


def _window_shapes() -> dict[str, Schema]:
    point = {"anyOf": [_OFFSET, _MOMENT]}
    shapes: dict[str, Schema] = {
        "within": {"anyOf": [_SPAN_TEXT, _enum(words.CALENDAR)]},
        "between": _pair({"anyOf": [_MOMENT, _NUMBER]}),
        "from": point,
        "to": point,
        "exactly": _OFFSET,
        "before": _MOMENT,
        "after": _MOMENT,
        "on": _MOMENT,
    }
    return {word: shapes[word] for word in words.WINDOWS}


def _operator(word: str) -> Schema:
    if word in ("in", "not_in"):
        return _list(_SCALAR)
    if word == "between":
        return _pair(_ORDERED)
    if word == "exists":
        return _BOOLEAN
    if word in words.TEXT_OPERATORS:
        return {"type": "string"}
    return _ORDERED if word in words.COMPARISONS else _SCALAR


def _check_shapes() -> dict[str, Schema]:
    others: dict[str, Schema] = {
        **_windows(),
        "anniversary": {"anyOf": [_enum(words.ANNIVERSARIES), _OFFSET]},
        "has_item": _ref("filters"),
        "as": _enum(words.CONVERSIONS),
        "ignore_case": _BOOLEAN,
    }
    return {word: _operator(word) if word in words.OPERATORS else others[word] for word in words.CHECK_WORDS}


def _comparison() -> dict[str, Schema]:
    return _check(words.AGGREGATE_OPERATORS)


def _aggregate(word: str) -> Schema:
    if word == "count":
        return _object(_comparison())
    if word in words.ONE_VALUE_AGGREGATES:
        return _object({"of": _TEXT, **_check()}, ["of"])
    conversion = {"sum": ["number"], "avg": ["number"], "min": ["number", "date"], "max": ["number", "date"]}.get(word)
    return _object({"of": _TEXT, **_comparison(), **({"as": {"enum": conversion}} if conversion else {})}, ["of"])


def _restrictions() -> dict[str, Schema]:
    return {
        "where": _ref("filters"),
        **_windows(),
        "hours": _ref("hours"),
        "weekdays": _ref("weekdays"),
    }


# ---------------------------------------------------------------- leaves


def _leaf(word: str) -> Schema:
    beside: dict[str, Schema] = {
        **_restrictions(),
        "near": _ref("place"),
        **{name: _ref(f"aggregate_{name}") for name in words.AGGREGATES},
        **dict.fromkeys(("include_non_doers", "first_time", "last_time"), _BOOLEAN),
        **{name: _ref(f"device_{name}") for name in words.DEVICE_WORDS},
        "same": _TEXT,
        "every": _enum(words.PERIODS),
        "in_last": {"type": "integer", "minimum": 1},
        "at_least": {"type": "integer", "minimum": 1},
    }
    if word == "attribute":
        beside = _check()
    required = [word, *(("every", "in_last", "at_least") if word == "regularly" else ())]
    return _object({word: _leaf_value(word), **{name: beside[name] for name in words.LEAVES[word]}}, required)


def _leaf_value(word: str) -> Schema:
    if word in ("did", "did_not", "regularly", *words.RESPONSES):
        return _one_or_several(_TEXT)
    if word in words.DEVICE_WORDS:
        return _ref(f"device_{word}")
    if word in words.REACH:
        return _enum(words.CHANNELS)
    shapes: dict[str, Schema] = {
        "attribute": _TEXT,
        "segment": _TEXT,
        "tag": {"anyOf": [_TEXT, *(_object({mode: _list(_TEXT)}, [mode]) for mode in ("any", "all"))]},
        "located": _ref("place"),
        "bucket": _object({"seed": _ID, "from": _NUMBER, "to": _NUMBER}, words.BUCKET),
        "rfm": _object(
            {"event": _TEXT, "of": _TEXT, "segment": _enum(words.RFM_SEGMENTS), **_windows()}, ["event", "segment"]
        ),
        "sequence": _list(_step()),
        "interest": _object(
            {
                "event": _one_or_several(_TEXT),
                "property": _TEXT,
                **_check(),
                "hours": _ref("hours"),
                "weekdays": _ref("weekdays"),
                "at_least": _SHARE,
                "predominantly": _BOOLEAN,
            },
            ["event"],
        ),
    }
    return shapes[word]


def _step() -> Schema:
    beside: dict[str, Schema] = {"where": _ref("filters"), "after": _SPAN_TEXT}
    return {"anyOf": [_object({word: _one_or_several(_TEXT), **beside}, [word]) for word in ("did", "did_not")]}


def _device(word: str) -> Schema:
    plain: Schema = {"type": ["string", "integer"]} if word in words.VERSION_WORDS else _TEXT
    return {"anyOf": [plain, _list(plain), _object(_check(words.DEVICE_OPERATORS))]}


# ---------------------------------------------------------------- kinds, tests, destinations


def _kinds() -> dict[str, Schema]:
    cohort = _object({"cohort": _ID}, ["cohort"])
    return {
        "who": _who(),
        "connector": {"anyOf": [_object({vendor: cohort}, [vendor]) for vendor in words.VENDORS]},
        "list": _object({"file": _TEXT, "on_upload": _enum(words.ON_UPLOAD)}, ["file"]),
        "live": {"anyOf": [_live(word) for word in words.LIVE]},
        "predict": _object(
            {
                "event": _TEXT,
                "where": _ref("filters"),
                "learn_from": _SPAN_TEXT,
                "predict": _SPAN_TEXT,
                "precision": _SHARE,
                "band": _enum(words.BANDS),
            },
            ["event", "learn_from", "predict"],
        ),
    }


def _live(word: str) -> Schema:
    events = {"anyOf": [_TEXT, {**_list(_TEXT), "maxItems": words.MAX_LIVE_EVENTS}]}
    page = {"anyOf": [_TEXT, _object(_check(words.PAGE_OPERATORS))]}
    values: dict[str, Schema] = {
        "did": events, "date": _TEXT, "page": page, "referrer": page, "page_count": _object(_comparison()),
    }  # fmt: skip
    beside: dict[str, Schema] = {
        "then_not": events,
        "within": _SPAN_TEXT,
        "exactly": _OFFSET,
        "anniversary": _check()["anniversary"],
        "where": _ref("filters"),
        "who": _who(),
    }
    return _object({word: values[word], **{name: beside[name] for name in words.LIVE[word]}}, [word])


def _who() -> Schema:
    return {"anyOf": [_ref("rule"), _list(_ref("rule"))]}


def _test() -> Schema:
    people = _list(_PERSON, least=0)
    shapes: dict[str, Schema] = {
        "as_of": _MOMENT,
        "timezone": _TEXT,
        "users": {"type": "object", "additionalProperties": {"anyOf": [_columns("users", True), _NULL]}},
        "events": _list(
            _tuple(_PERSON, _TEXT, _MOMENT, {"anyOf": [_columns("events", True), _NULL]}, least=3), least=0
        ),
        **{
            table: _list({**_columns(table, False), "required": list(needed)}, least=0)
            for table, needed in words.TEST_ROWS_NEED.items()
        },
        "message_events": _list(_tuple(_PERSON, _TEXT, _enum(words.MESSAGE_KINDS), _MOMENT, least=4), least=0),
        "segments": {"type": "object", "additionalProperties": people},
        "in": people,
        "out": people,
    }
    return _object({word: shapes[word] for word in words.TEST}, ["as_of", "users"])


def _tuple(*items: Schema, least: int) -> Schema:
    return {"type": "array", "prefixItems": list(items), "minItems": least, "maxItems": len(items)}


def _columns(table: str, others: bool) -> Schema:
    """A row of a test: its columns, each of which may be null, and what may stand beside them."""
    kinds: dict[str, Schema] = {
        "user": _PERSON, "text": _TEXT, "time": _MOMENT, "flag": _BOOLEAN, "number": _NUMBER,
        "channel": _enum(words.CHANNELS), "texts": _list(_TEXT, least=0), "object": {"type": "object"},
    }  # fmt: skip
    columns = {
        name: kinds[kind] if kind == "user" else {"anyOf": [kinds[kind], _NULL]}
        for name, kind in words.TEST_COLUMNS[table].items()
    }
    return {"type": "object", "properties": columns, "additionalProperties": others}


def _destination(to: str) -> Schema:
    shapes: dict[str, Schema] = {
        "tag": _TEXT,
        "audience": _TEXT,
        "mode": _enum(words.MODES),
        "url_env": {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"},
        "path": _TEXT,
        "format": _enum(words.FORMATS),
        "fields": _list({"anyOf": [_enum(PLAIN_FIELDS), _TEXT]}),  # attributes, and Netmera's names
        "delta": {"type": "boolean"},
        "channel": _enum(words.CHANNELS),
        "also": _list(_enum(words.ALSO)),
        "platforms": _list(_enum(words.PUSH_PLATFORMS)),
        "title": _TEXT,
        "text": _TEXT,
    }
    when = {
        "anyOf": [
            _enum(words.WHENS_OF[to]),
            _object({"weekly": _enum(words.WEEKDAYS)}, ["weekly"]),
            _object({"monthly": {"type": "integer", "minimum": 1, "maximum": 31}}, ["monthly"]),
            {"type": "string", "pattern": r"^\S+( +\S+){4}$"},
        ]
    }
    beside = {word: shapes[word] for word in words.DESTINATIONS[to]}
    required = ["to", "when", *words.REQUIRED_BY_DESTINATION.get(to, ())]
    return _object({"to": {"const": to}, "when": when, **beside}, required)


def as_text() -> str:
    """The schema as the JSON text that is kept beside the segments."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_text())
