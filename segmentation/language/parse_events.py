"""Leaves about what people did: `did`, `did_not`, `sequence`, `regularly`, `interest`, `rfm`, and message responses.

Not here: aggregates (parse_aggregate.py), and leaves about what people are (parse_profile.py).
"""

from __future__ import annotations

from typing import Literal, cast

from segmentation.language import words
from segmentation.language.model import (
    Did,
    Interest,
    Regularly,
    Response,
    Rfm,
    Sequence,
    Step,
    Where,
    Within,
)
from segmentation.language.parse_aggregate import aggregate_of, one_test, warn_if_never, with_non_doers
from segmentation.language.parse_check import check, where
from segmentation.language.parse_values import (
    boolean,
    choice,
    hours,
    mapping,
    names,
    place,
    share,
    text,
    unknown_words,
    weekdays,
    whole,
)
from segmentation.language.parse_window import event_window, span
from segmentation.language.problems import Report
from segmentation.language.yaml_file import Fields, Items, Node


def events_of(node: Node, r: Report) -> tuple[str, ...] | None:
    """Event names, sorted; an empty tuple for `any`."""
    return names(node, r, "the name of an event")


def filters_of(fields: Fields, r: Report) -> Where:
    """The filters under `where`, if there are any."""
    node = fields.fields.get("where")
    return (where(node, r) if node is not None else None) or ()


def did(word: str, fields: Fields, r: Report) -> Did | None:
    """`did` or `did_not`."""
    before = len(r.problems)
    unknown_words(fields, r, (word, *words.DID), f"beside {word}")
    negated = word == "did_not"
    events = events_of(fields.fields[word], r)
    aggregate = aggregate_of(fields, r)
    occurrence = _occurrence(fields, r)
    if occurrence and (given := [name for name in words.AGGREGATES if name in fields.fields]):
        r.error(
            fields.lines[given[0]], f"found {given[0]} beside {occurrence}_time, expected no aggregate: it is one event"
        )
    include = with_non_doers(fields, aggregate, r, negated=negated, occurrence=occurrence is not None)
    if aggregate is not None and aggregate.function == "count" and not include:
        told = "this matches everybody" if negated else "this matches nobody"
        hint = "; say did_not, or include_non_doers: true"
        warn_if_never(aggregate.check.tests[0], fields.lines["count"], told + ("" if negated else hint), r)
    leaf = Did(
        events=events or None,
        negated=negated,
        where=filters_of(fields, r),
        window=event_window(fields, r),
        hours=hours(fields.fields["hours"], r) if "hours" in fields.fields else None,
        weekdays=weekdays(fields.fields["weekdays"], r) if "weekdays" in fields.fields else None,
        near=place(fields.fields["near"], r) if "near" in fields.fields else None,
        aggregate=aggregate,
        include_non_doers=include,
        occurrence=occurrence,
    )
    return leaf if len(r.problems) == before else None


def _occurrence(fields: Fields, r: Report) -> Literal["first", "last"] | None:
    wanted = {word: boolean(fields.fields[word], r) for word in ("first_time", "last_time") if word in fields.fields}
    asked = [word for word, value in wanted.items() if value]
    if len(asked) > 1:
        r.error(fields.lines["last_time"], "found first_time and last_time on one leaf, expected one of them")
    return None if not asked else "first" if asked[0] == "first_time" else "last"


def response(word: str, fields: Fields, r: Report) -> Response | None:
    """`received`, `clicked` and the like."""
    before = len(r.problems)
    unknown_words(fields, r, (word, *words.WINDOWS), f"beside {word}")
    messages = names(fields.fields[word], r, "the id of a message")
    window = event_window(fields, r)
    return Response(word, messages or None, window) if len(r.problems) == before else None  # type: ignore[arg-type]


def rfm(word: str, fields: Fields, r: Report) -> Rfm | None:
    """`rfm`, whose words all stand inside."""
    before = len(r.problems)
    unknown_words(fields, r, (word,), f"beside {word}; its words stand inside it")
    inside = mapping(fields.fields[word], r, words.RFM, f"in {word}", required=("event", "segment"))
    if inside is None:
        return None
    event = text(inside.fields["event"], r, "the name of an event") if "event" in inside.fields else None
    of = text(inside.fields["of"], r, "the name of a property") if "of" in inside.fields else None
    segment = choice(inside.fields["segment"], r, words.RFM_SEGMENTS) if "segment" in inside.fields else None
    window = event_window(inside, r)
    if event is None or segment is None or len(r.problems) > before:
        return None
    return Rfm(event, of, segment, window)


def sequence(word: str, fields: Fields, r: Report) -> Sequence | None:
    """`sequence`: ordered steps."""
    before = len(r.problems)
    unknown_words(fields, r, (word, *words.LEAVES[word]), f"beside {word}")
    node = fields.fields[word]
    steps: list[Step | None] = []
    if not isinstance(node, Items) or not node.items:
        r.wrong(node, "a list of steps such as [{did: view}, {did: add_to_cart, after: 1 hour}]")
    else:
        steps = [_step(item, r, first=number == 0) for number, item in enumerate(node.items)]
    same = text(fields.fields["same"], r, "the name of a property") if "same" in fields.fields else None
    window = event_window(fields, r)
    if len(r.problems) > before:
        return None
    return Sequence(tuple(step for step in steps if step), same, window)


def _step(node: Node, r: Report, *, first: bool) -> Step | None:
    fields = mapping(node, r, words.STEP, "in a step of a sequence")
    if fields is None:
        return None
    given = [word for word in ("did", "did_not") if word in fields.fields]
    if len(given) != 1:
        r.error(fields.line, f"found {' and '.join(given) or 'no event'} in a step, expected did or did_not")
        return None
    events = events_of(fields.fields[given[0]], r)
    filters = filters_of(fields, r)
    after: Within | None = None
    if "after" in fields.fields:
        after = span(fields.fields["after"], r)
        if first:
            r.error(fields.lines["after"], "found after in the first step, expected it in a later one: it bounds the "
                                           "gap to the step before")  # fmt: skip
    if first and given == ["did_not"]:
        r.error(fields.lines["did_not"], "found did_not as the first step, expected did: there is no step before it")
    return None if events is None else Step(events or None, given == ["did_not"], filters, after)


def regularly(word: str, fields: Fields, r: Report) -> Regularly | None:
    """`regularly`: in at least so many of the last whole periods."""
    before = len(r.problems)
    allowed = (word, *words.LEAVES[word])
    mapping(fields, r, allowed, f"beside {word}", required=("every", "in_last", "at_least"))
    events = events_of(fields.fields[word], r)
    every = choice(fields.fields["every"], r, words.PERIODS) if "every" in fields.fields else None
    in_last = whole(fields.fields["in_last"], r, low=1) if "in_last" in fields.fields else None
    at_least = whole(fields.fields["at_least"], r, low=1) if "at_least" in fields.fields else None
    if in_last is not None and at_least is not None and at_least > in_last:
        r.error(
            fields.lines["at_least"], f"found at_least: {at_least} of in_last: {in_last}, expected at most {in_last}"
        )
    filters = filters_of(fields, r)
    count = None
    if (node := fields.fields.get("count")) is not None:
        inside = mapping(node, r, words.AGGREGATE_OPERATORS, "beside count")
        count = one_test(inside, r, "count", least=0) if inside is not None else None
        if count is not None:
            warn_if_never(count, fields.lines["count"], "no period has it and this matches nobody", r)
    if every is None or in_last is None or at_least is None or len(r.problems) > before:
        return None
    return Regularly(events or None, cast(Literal["day", "week", "month"], every), in_last, at_least, filters, count)


def interest(word: str, fields: Fields, r: Report) -> Interest | None:
    """`interest`: the chosen value's share of the matching events."""
    before = len(r.problems)
    unknown_words(fields, r, (word, *words.LEAVES[word]), f"beside {word}")
    filters, window = filters_of(fields, r), event_window(fields, r)
    among_hours = hours(fields.fields["hours"], r) if "hours" in fields.fields else None
    among_days = weekdays(fields.fields["weekdays"], r) if "weekdays" in fields.fields else None
    inside = mapping(fields.fields[word], r, words.INTEREST, f"in {word}", required=("event",))
    if inside is None:
        return None
    if _stands_inside(inside, r):
        return None
    events = events_of(inside.fields["event"], r) if "event" in inside.fields else None
    chosen = [name for name in ("property", "hours", "weekdays") if name in inside.fields]
    path, checked, slot, days = None, None, None, None
    if len(chosen) != 1:
        how = " and ".join(chosen) or "no chosen value"
        r.error(inside.line, f"found {how} in interest, expected one of property, hours or weekdays")
    elif chosen == ["property"]:
        path = text(inside.fields["property"], r, "the name of a property")
        checked = check(inside, r, f"property {path!r}")
    else:
        slot = hours(inside.fields["hours"], r) if "hours" in inside.fields else None
        days = weekdays(inside.fields["weekdays"], r) if "weekdays" in inside.fields else None
        _no_operator(inside, chosen[0], r)
    at_least = _share_of_interest(inside, r)
    if len(r.problems) > before:
        return None
    return Interest(
        events or None,
        path,
        checked,
        slot,
        days,
        at_least,
        window,
        filters,
        among_hours,
        among_days,
    )


def _stands_inside(inside: Fields, r: Report) -> bool:
    """Whether the window of the events stands where it is taken for one of the property."""
    within = [name for name in words.WINDOWS if name in inside.fields and name != "between"]
    others = [name for name in words.OPERATORS if name in inside.fields]
    for name in within if others else ():
        r.error(
            inside.lines[name],
            f"found {name} beside {others[0]} in interest, expected a window of events beside interest",
        )
    return bool(within and others)


def _no_operator(inside: Fields, chosen: str, r: Report) -> None:
    for name in words.CHECK_WORDS:
        if name in inside.fields:
            r.error(inside.lines[name], f"found {name} beside {chosen} in interest, expected it beside property")


def _share_of_interest(inside: Fields, r: Report) -> float | None:
    mostly = boolean(inside.fields["predominantly"], r) if "predominantly" in inside.fields else None
    if ("at_least" in inside.fields) == bool(mostly):
        how = "at_least and predominantly" if mostly else "neither at_least nor predominantly"
        r.error(inside.line, f"found {how} in interest, expected at_least: 30% or predominantly: true")
        return None
    return share(inside.fields["at_least"], r) if "at_least" in inside.fields else None
