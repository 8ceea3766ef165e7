"""Definitions in plain English, for the pages that people read instead of YAML.

Not here: the wording of windows and operators (describe_checks.py).
"""

from __future__ import annotations

from segmentation.language.describe_checks import (
    aggregate_in_words,
    check_in_words,
    filters_in_words,
    hours_in_words,
    listed,
    place_in_words,
    span_in_words,
    times_in_words,
    weekdays_in_words,
    window_in_words,
)
from segmentation.language.model import (
    ActiveWithin,
    All,
    Any_,
    Attribute,
    Bucket,
    Connector,
    Definition,
    Device,
    Did,
    InSegment,
    Interest,
    Leaf,
    Live,
    Located,
    Not,
    Predict,
    Reach,
    ReachableOn,
    Regularly,
    Response,
    Rfm,
    Rule,
    Sequence,
    StaticList,
    Step,
    Tag,
)

_RESPONSES = {
    "received": "received", "opened": "opened", "clicked": "clicked", "not_clicked": "received but did not click",
    "not_received": "was sent but did not receive",
}  # fmt: skip
_REACH = {"reachable": "can be reached by", "opted_in": "opted in to", "blacklisted": "is blacklisted for"}
_DEVICE = {
    "platform": "platform", "device_type": "type", "device_model": "model", "os_version": "system version",
    "app_version": "app version",
}  # fmt: skip


def in_words(definition: Definition) -> str:
    """The whole definition as one paragraph. A system segment has no file to explain: it says what it is."""
    if definition.is_system and definition.description:
        return definition.description
    sentences = [f"{_sentence(body_in_words(definition))}"]
    if isinstance(definition.universe, ActiveWithin):
        sentences.append(f"Only users active in the last {span_in_words(definition.universe.window)} count.")
    elif isinstance(definition.universe, ReachableOn):
        sentences.append(f"Only users who can be reached by {definition.universe.channel} count.")
    if definition.include:
        mode = "or" if definition.include_mode == "any" else "and"
        sentences.append(f"Members are also in {listed(definition.include, mode)}.")
    if definition.exclude:
        sentences.append(f"Nobody in {listed(definition.exclude, 'or')} is a member.")
    return " ".join(sentences)


def as_tree(rule: Rule) -> str:
    """A rule as nested Markdown bullets, one per group and leaf."""
    return "\n".join(_lines(rule, 0))


def rule_in_words(rule: Rule) -> str:
    """A rule as relative clauses that follow `users`; groups inside groups stand in parentheses."""
    if isinstance(rule, Not):
        return f"who are not among those {_inside(rule.child)}"
    if isinstance(rule, All | Any_):
        return listed(map(_inside, rule.children), "and" if isinstance(rule, All) else "or")
    return f"{'whose' if isinstance(rule, Attribute) else 'who'} {leaf_in_words(rule)}"


def leaf_in_words(leaf: Leaf) -> str:
    """One condition as a phrase such as `did purchase at least once in the last 30 days where category is shoes`."""
    match leaf:
        case Did():
            return _did(leaf)
        case Attribute(path, check):
            return f"{path} {check_in_words(check)}"
        case Tag(names, mode):
            word = "or" if mode == "any" else "and"
            return f"have the tag {listed(names, word)}" if len(names) == 1 else f"have the tags {listed(names, word)}"
        case Device(checks):
            told = listed(f"{_DEVICE[word]} {check_in_words(check)}" for word, check in checks)
            return f"have a device whose {told}"
        case InSegment(name):
            return f"are in the segment {name}"
        case Response(kind, messages, window):
            which = "any message" if messages is None else f"message {listed(messages, 'or')}"
            return f"{_RESPONSES[kind]} {which}" + (f" sent {window_in_words(window)}" if window else "")
        case Reach(word, channel):
            return f"{_REACH[word]} {channel}"
        case Located(place):
            return f"were last seen {place_in_words(place)}"
        case Bucket(seed, start, end):
            return f"fall into the random part from {start:g}% up to {end:g}% of the draw {seed}"
        case Rfm(event, of, segment, window):
            by = f" by {of}" if of else ""
            when = f" {window_in_words(window)}" if window else ""
            return f"are {segment.replace('_', ' ')} in recency and frequency of {event}{by}{when}"
        case Sequence():
            return _sequence(leaf)
        case Regularly():
            return _regularly(leaf)
        case Interest():
            return _interest(leaf)


def _inside(rule: Rule) -> str:
    told = rule_in_words(rule)
    return f"({told})" if isinstance(rule, All | Any_) and len(rule.children) > 1 else told


def _lines(rule: Rule, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(rule, Not):
        return [f"{indent}- not:", *_lines(rule.child, depth + 1)]
    if isinstance(rule, All | Any_):
        head = f"{indent}- {'all' if isinstance(rule, All) else 'any'} of:"
        return [head, *(line for child in rule.children for line in _lines(child, depth + 1))]
    return [f"{indent}- {leaf_in_words(rule)}"]


def _sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def body_in_words(definition: Definition) -> str:
    """Whom a definition is about, short of what stands beside its rule: `users who did purchase at least once`."""
    body = definition.body
    match body:
        case Connector(vendor, cohort):
            return f"users in the {vendor.title()} cohort {cohort}"
        case StaticList(file, on_upload):
            return f"users listed in {file}; an upload {'replaces' if on_upload == 'replace' else 'adds to'} the list"
        case Live():
            return _live(body)
        case Predict(event, where, learn_from, ahead, precision, band):
            which = f" where {filters_in_words(where)}" if where else ""
            how = f"with a precision of {precision:.0%}" if precision is not None else f"the {band} likely third"
            return (
                f"users expected to do {event}{which} in the next {span_in_words(ahead)}, {how}, "
                f"learnt from the last {span_in_words(learn_from)}"
            )
        case _:
            return f"users {rule_in_words(body)}"


def _events(events: tuple[str, ...] | None) -> str:
    return "anything" if events is None else listed(events, "or")


def _did(leaf: Did) -> str:
    parts = ["did not do" if leaf.negated else "did", _events(leaf.events)]
    aggregate = leaf.aggregate
    if leaf.occurrence:
        parts.append(f"for the {'first' if leaf.occurrence == 'first' else 'latest'} time")
    elif aggregate is not None and aggregate.function == "count":
        parts.append(times_in_words(aggregate.check.tests[0]))
    elif aggregate is None and not leaf.negated:
        parts.append("at least once")
    if leaf.window is not None:
        parts.append(window_in_words(leaf.window))
    parts += _restrictions(leaf.hours, leaf.weekdays)
    if leaf.near is not None:
        parts.append(place_in_words(leaf.near))
    if aggregate is not None and aggregate.function != "count":
        parts.append(aggregate_in_words(aggregate))
    if leaf.where:
        parts.append(f"where {filters_in_words(leaf.where)}")
    if leaf.include_non_doers:
        parts.append("(those who never did count as 0)")
    return " ".join(parts)


def _restrictions(hours: tuple[int, int] | None, weekdays: tuple[int, ...] | None) -> list[str]:
    parts = [hours_in_words(hours)] if hours else []
    return [*parts, *([weekdays_in_words(weekdays)] if weekdays else [])]


def _sequence(leaf: Sequence) -> str:
    parts = [_step(step, first=number == 0) for number, step in enumerate(leaf.steps)]
    told = ", ".join(parts)
    if leaf.same:
        told += f", all with the same {leaf.same}"
    return told + (f", {window_in_words(leaf.window)}" if leaf.window else "")


def _step(step: Step, *, first: bool) -> str:
    did = f"did {'not do ' if step.negated else ''}{_events(step.events)}"
    told = did if first else f"then {did}"
    if step.after is not None:
        told += f" within {span_in_words(step.after)} of that"
    return told + (f" where {filters_in_words(step.where)}" if step.where else "")


def _regularly(leaf: Regularly) -> str:
    times = f" {times_in_words(leaf.count)}" if leaf.count is not None else ""
    which = f" where {filters_in_words(leaf.where)}" if leaf.where else ""
    periods = f"{leaf.every}s" if leaf.in_last > 1 else leaf.every
    return f"did {_events(leaf.events)}{times}{which} in at least {leaf.at_least} of the last {leaf.in_last} {periods}"


def _interest(leaf: Interest) -> str:
    if leaf.property is not None and leaf.check is not None:
        chosen = f"have {leaf.property} that {check_in_words(leaf.check)}"
    else:
        chosen = f"are {' '.join(_restrictions(leaf.hours, leaf.weekdays))}"
    amount = "most" if leaf.at_least is None else f"at least {leaf.at_least * 100:g}%"
    parts = [f"did {_events(leaf.events)}"]
    if leaf.window is not None:
        parts.append(window_in_words(leaf.window))
    parts += _restrictions(leaf.within_hours, leaf.within_weekdays)
    if leaf.where:
        parts.append(f"where {filters_in_words(leaf.where)}")
    return f"{' '.join(parts)}, of which {amount} {chosen}"


def _live(body: Live) -> str:
    which = f" where {filters_in_words(body.where)}" if body.where else ""
    if body.trigger == "action":
        told = f"users as soon as they do {listed(body.events, 'or')}{which}"
    elif body.trigger == "inaction" and body.within is not None:
        told = (
            f"users who do {listed(body.events, 'or')}{which} and do not do {listed(body.then_not, 'or')} "
            f"within {span_in_words(body.within)}"
        )
    elif body.check is not None:
        what = {"date": body.path, "page": "the page they visit", "referrer": "the page they come from",
                "page_count": "the number of pages in a session"}[body.trigger]  # fmt: skip
        told = f"users when {what} {check_in_words(body.check)}{which}"
    else:
        told = "users who qualify"
    return told if body.who is None else f"{told}, of those {rule_in_words(body.who)}"
