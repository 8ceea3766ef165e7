"""The kinds of segment beside `who`: connector, list, live and predict.

Not here: rules (parse_rule.py), and what computes any of them.
"""

from __future__ import annotations

from typing import Literal, cast

from segmentation.language import words
from segmentation.language.model import Check, Connector, Exactly, Live, Predict, StaticList, Test
from segmentation.language.parse_aggregate import one_test
from segmentation.language.parse_check import check
from segmentation.language.parse_events import filters_of
from segmentation.language.parse_rule import rule
from segmentation.language.parse_values import choice, identifier, mapping, share, text, texts
from segmentation.language.parse_window import anniversary, offset, span
from segmentation.language.problems import Report, one_of
from segmentation.language.yaml_file import Atom, Fields, Items, Node

Trigger = Literal["action", "inaction", "date", "page", "referrer", "page_count"]


def connector(node: Node, r: Report) -> Connector | None:
    """`{mixpanel: {cohort: PN_lapsed_30d}}`."""
    fields = mapping(node, r, words.VENDORS, "under connector")
    if fields is None:
        return None
    given = [vendor for vendor in words.VENDORS if vendor in fields.fields]
    if len(given) != 1:
        if given or not fields.fields:
            r.error(fields.line, f"found {' and '.join(given) or 'no vendor'} under connector, expected one of "
                                 f"{one_of(words.VENDORS)}")  # fmt: skip
        return None
    vendor = given[0]
    inside = mapping(fields.fields[vendor], r, ("cohort",), f"under {vendor}", required=("cohort",))
    if inside is None or "cohort" not in inside.fields:
        return None
    cohort = identifier(inside.fields["cohort"], r, "the name or id of a cohort")
    return None if cohort is None else Connector(cast(Literal["mixpanel", "amplitude"], vendor), cohort)


def static_list(node: Node, r: Report) -> StaticList | None:
    """`{file: lists/vip.csv, on_upload: replace}`."""
    fields = mapping(node, r, words.LIST, "under list", required=("file",))
    if fields is None:
        return None
    file = text(fields.fields["file"], r, "a path relative to the segment file") if "file" in fields.fields else None
    r.list_line = fields.lines.get("file")
    upload = choice(fields.fields["on_upload"], r, words.ON_UPLOAD) if "on_upload" in fields.fields else "replace"
    if file is None or upload is None:
        return None
    return StaticList(file, cast(Literal["replace", "add"], upload))


def live(node: Node, r: Report) -> Live | None:
    """`live`: one trigger, and filters that hold when somebody qualifies."""
    if not isinstance(node, Fields):
        r.wrong(node, "a mapping such as {did: add_to_cart, then_not: purchase, within: 10 minutes}")
        return None
    given = [word for word in words.LIVE if word in node.fields]
    if len(given) != 1:
        every = (*words.LIVE, *dict.fromkeys(word for allowed in words.LIVE.values() for word in allowed))
        mapping(node, r, every, "under live")
        r.error(node.line, f"found {' and '.join(given) or 'no trigger'} under live, expected one of "
                           f"{one_of(words.LIVE)}")  # fmt: skip
        return None
    word = given[0]
    before = len(r.problems)
    mapping(node, r, (word, *words.LIVE[word]), f"beside {word} under live")
    filters = filters_of(node, r)
    who = rule(node.fields["who"], r) if "who" in node.fields else None
    if word == "did":
        result = _action(node, r)
    elif word == "date":
        result = _date(node, r)
    elif word == "page_count":
        inside = mapping(node.fields[word], r, words.AGGREGATE_OPERATORS, "in page_count")
        test = one_test(inside, r, word, least=0) if inside is not None else None
        result = None if test is None else Live("page_count", check=Check((test,)))
    else:
        checked = _page(node.fields[word], word, r)
        result = None if checked is None else Live(cast(Trigger, word), check=checked)
    if result is None or len(r.problems) > before:
        return None
    return Live(result.trigger, result.events, result.then_not, result.within, result.check, result.path, filters, who)


def _live_events(node: Node, r: Report) -> tuple[str, ...] | None:
    what = f"the name of an event, or a list of up to {words.MAX_LIVE_EVENTS}"
    if isinstance(node, Items):
        several = texts(node, r, what)
        if several is not None and len(several) > words.MAX_LIVE_EVENTS:
            r.error(node.line, f"found {len(several)} events, expected at most {words.MAX_LIVE_EVENTS}")
            return None
        return None if several is None else tuple(sorted(several))
    if isinstance(node, Atom) and node.value == "any":
        r.wrong(node, what, hint="; a live segment names its events")
        return None
    one = text(node, r, what)
    return None if one is None else (one,)


def _action(node: Fields, r: Report) -> Live | None:
    events = _live_events(node.fields["did"], r)
    if "then_not" not in node.fields:
        if "within" in node.fields:
            r.error(node.lines["within"], "found within without then_not, expected then_not beside it")
        return None if events is None else Live("action", events)
    then_not = _live_events(node.fields["then_not"], r)
    if "within" not in node.fields:
        r.error(node.lines["then_not"], "found then_not without within, expected a span such as within: 10 minutes")
        return None
    within = span(node.fields["within"], r, low=1)
    if events is None or then_not is None or within is None:
        return None
    for both in sorted({*events} & {*then_not}):
        r.warn(node.lines["then_not"], f"{both} also stands under did: it cancels itself, so nobody qualifies by it")
    return Live("inaction", events, then_not, within)


def _date(node: Fields, r: Report) -> Live | None:
    path = text(node.fields["date"], r, "the name of a date attribute")
    given = [word for word in ("exactly", "anniversary") if word in node.fields]
    if len(given) != 1:
        r.error(node.line, f"found {' and '.join(given) or 'no day'} beside date, expected exactly: in 5 days or "
                           "anniversary: today")  # fmt: skip
        return None
    test: Test | None = None
    if given == ["exactly"]:
        day = offset(node.fields["exactly"], r, words.LONG_UNITS)
        test = None if day is None else Test("window", Exactly(day))
    else:
        turn = anniversary(node.fields["anniversary"], r)
        test = None if turn is None else Test("anniversary", turn)
    return None if path is None or test is None else Live("date", check=Check((test,), "date"), path=path)


def _page(node: Node, word: str, r: Report) -> Check | None:
    if not isinstance(node, Fields):
        address = text(node, r, f"the address of a {word}, or a mapping with an operator")
        return None if address is None else Check((Test("equals", address),))
    mapping(node, r, words.PAGE_OPERATORS, f"in {word}")
    return check(node, r, word, operators=words.PAGE_OPERATORS)


def predict(node: Node, r: Report) -> Predict | None:
    """`{event: purchase, learn_from: 30 days, predict: 7 days, precision: 0.6}`."""
    before = len(r.problems)
    fields = mapping(node, r, words.PREDICT, "under predict", required=("event", "learn_from", "predict"))
    if fields is None:
        return None
    event = text(fields.fields["event"], r, "the name of an event") if "event" in fields.fields else None
    filters = filters_of(fields, r)
    spans = [
        span(fields.fields[word], r, units=words.LONG_UNITS, low=1) if word in fields.fields else None
        for word in ("learn_from", "predict")
    ]
    given = [word for word in ("precision", "band") if word in fields.fields]
    if len(given) != 1:
        r.error(fields.line, f"found {' and '.join(given) or 'neither precision nor band'} under predict, expected "
                             "precision: 0.6 or band: most")  # fmt: skip
    precision = share(fields.fields["precision"], r) if "precision" in fields.fields else None
    band = choice(fields.fields["band"], r, words.BANDS) if "band" in fields.fields else None
    if event is None or spans[0] is None or spans[1] is None or len(r.problems) > before:
        return None
    return Predict(event, filters, spans[0], spans[1], precision, cast(Literal["most", "moderately", "least"], band))
