"""Why somebody is in a segment or not: the rule as a tree of ticks, with what each leaf saw and what is missing.

Every tick is an answer of the plan that computes members, asked for one person, so an explanation never disagrees with
the computation; values and evidence are shown beside the ticks and decide nothing.
Not here: how it looks (`cli/explain.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from orchestration.questions.explanation import Evidence, Explanation, Part
from orchestration.questions.missing import Join, Tick, fewest, in_words, joined
from orchestration.questions.parts import children, leaf_definitions
from orchestration.questions.probe import Probe
from orchestration.questions.recorded import recorded, rules_then
from orchestration.questions.stand_ins import on_record
from orchestration.questions.values import Stay, Value, local, value_of
from orchestration.warehouse import aware
from segmentation.clock import Clock
from segmentation.language.describe import body_in_words, leaf_in_words
from segmentation.language.model import (
    All,
    Any_,
    Definition,
    Did,
    InSegment,
    Leaf,
    Not,
    Rfm,
    Rule,
)
from segmentation.plan.leaves import universe_leaf
from segmentation.plan.seen import Sight

EVIDENCE_ROWS = 5


@dataclass
class _Asked:
    """One question: about whom, when, by which definitions; `ticks` fill once."""

    probe: Probe
    person: int
    user_id: str
    as_of: datetime
    definitions: Mapping[str, Definition]
    evidence: int
    members: set[str] = field(default_factory=set)  # segments and `segment:path` parts that are true of the person
    asked: set[str] = field(default_factory=set)
    sight: Sight | None = None
    parts: list[Definition] = field(default_factory=list)  # what the sight sees
    relations: dict[str, dict[str, str]] = field(default_factory=dict)


def explain(
    probe: Probe,
    segment: str,
    person: int,
    user_id: str,
    as_of: datetime,
    *,
    evidence: int = EVIDENCE_ROWS,
    deep: bool = False,
) -> Explanation:
    """Why a person is or is not in a segment at a moment. Segments that it reads are looked into one level down, with
    `deep` all the way. Raises Unanswerable."""
    record = recorded(probe, segment, person, as_of)
    rules = rules_then(probe, segment, record.run_no)
    asked = _Asked(probe, person, user_id, as_of, rules.definitions, evidence)
    names = _looked_into(segment, rules.definitions, deep)
    _answer(asked, names)
    by = "run" if rules.is_recorded else "file"
    return _explained(asked, segment, by, [name for name in names if name != segment], ())


def _looked_into(segment: str, definitions: Mapping[str, Definition], deep: bool) -> list[str]:
    """The segment, and those it reads whose rules are shown: one level, or all."""
    names, waiting, level = [segment], [segment], 0
    while waiting and (deep or level < 1):
        waiting = [
            other
            for name in waiting
            for other in definitions[name].references
            if other in definitions and other not in names
        ]
        names += dict.fromkeys(waiting)
        level += 1
    return names


def _answer(asked: _Asked, names: list[str]) -> None:
    """Asks the plan for all of these segments and their parts at once."""
    questions = {name: asked.definitions[name] for name in names[:1]}
    for name in names:
        for path, part in leaf_definitions(asked.definitions[name]).items():
            questions[f"{name}:{path}"] = part
    # What is read and was not recorded by then is computed as well, and what that reads.
    calculated = asked.probe.calculated()
    waiting = list(questions.values())
    compute = dict(questions)
    while waiting:
        for other in waiting.pop().references:
            known = other in calculated and calculated[other] <= asked.as_of
            if other in asked.definitions and other not in compute and not known:
                compute[other] = asked.definitions[other]
                waiting.append(compute[other])
    relation = asked.probe.answer({**asked.definitions, **compute}, asked.as_of, compute=compute, people=[asked.person])
    found = asked.probe.connection.execute(f"select segment from {relation}").fetchall()
    asked.members = {name for (name,) in found}
    asked.asked = {*compute}
    clock = Clock(asked.as_of, asked.probe.settings.zone)
    asked.parts = [part for part in questions.values() if part.kind == "who" and not part.references]
    asked.sight = Sight(asked.parts, clock, asked.probe.settings.events)


def _explained(asked: _Asked, name: str, by: str, into: list[str], path: tuple[str, ...]) -> Explanation:
    definition = asked.definitions[name]
    rule = _whole(asked, definition, into, (*path, name))
    record = recorded(asked.probe, name, asked.person, asked.as_of)
    is_member = name in asked.members if name in asked.asked else rule.holds
    leaves = _leaves(definition)
    missing = tuple(_lacks(asked, rule, leaves, *one) for one in fewest(_tick(rule)))
    made = Explanation(name, asked.user_id, asked.as_of, is_member, record, rule, missing, (), definition.hash, by)
    return replace(made, doubts=_doubts(asked, made, definition)) if made.agrees is not True else made


# ---------------------------------------------------------------- the tree


def _whole(asked: _Asked, definition: Definition, into: list[str], path: tuple[str, ...]) -> Part:
    """A definition as one tree: its rule, and what stands beside it."""
    if definition.kind == "who":
        body = _rule(asked, definition.name, definition.body, (), into, path)  # type: ignore[arg-type]
    else:
        body = _stand_in(asked, definition)
    beside: list[Part] = []
    if (leaf := universe_leaf(definition)) is not None:
        beside.append(_leaf(asked, definition.name, leaf, "universe", into, path))
    included = tuple(
        _leaf(asked, definition.name, InSegment(other), f"include.{n}", into, path)
        for n, other in enumerate(definition.include)
    )
    if included:
        mode: Join = "any" if definition.include_mode == "any" else "all"
        beside.append(_group("include", mode, included))
    for n, other in enumerate(definition.exclude):
        excluded = _leaf(asked, definition.name, InSegment(other), f"exclude.{n}", into, path)
        beside.append(_group(f"exclude.{n}.not", "not", (excluded,)))
    return _group("", "all", (body, *beside)) if beside else body


def _rule(asked: _Asked, name: str, rule: Rule, place: tuple[int, ...], into: list[str], path: tuple[str, ...]) -> Part:
    if not isinstance(rule, All | Any_ | Not):
        return _leaf(asked, name, rule, ".".join(map(str, place or (0,))), into, path)
    join: Join = "not" if isinstance(rule, Not) else "all" if isinstance(rule, All) else "any"
    inside = tuple(
        _rule(asked, name, child, (*place, number), into, path) for number, child in enumerate(children(rule))
    )
    return _group(".".join(map(str, place)), join, inside)


def _group(path: str, join: Join, parts: tuple[Part, ...]) -> Part:
    words = {"all": "all of", "any": "any of", "not": "not"}[join]
    return Part(path, join, joined(join, [part.holds for part in parts]), words, parts=parts)


def _leaf(asked: _Asked, name: str, leaf: Leaf, place: str, into: list[str], path: tuple[str, ...]) -> Part:
    holds = f"{name}:{place}" in asked.members
    if isinstance(leaf, InSegment):
        record = recorded(asked.probe, leaf.name, asked.person, asked.as_of)
        stay = Stay(holds, record.since if holds and record.state == "member" else None)
        value = value_of(leaf, (), asked.probe.settings.zone, stay)
        inside = None
        if leaf.name in into and leaf.name not in path:
            inside = _explained(asked, leaf.name, "run", into, path)
        return Part(place, "leaf", holds, leaf_in_words(leaf), value, inside=inside)
    seen, evidence = _looked_at(asked, leaf)
    return Part(place, "leaf", holds, leaf_in_words(leaf), seen, evidence=evidence)


def _looked_at(asked: _Asked, leaf: Leaf) -> tuple[Value | None, Evidence | None]:
    """The value that a leaf compares for the person, and the newest rows behind it."""
    assert asked.sight is not None
    positive = replace(leaf, negated=False) if isinstance(leaf, Did) else leaf
    query, events = asked.sight.value(positive), asked.sight.events(positive)
    relations = _models(asked)
    mine = f"select * from ({{}}) as seen where person_no = {asked.person}"
    compared = _models_of_everybody(asked) if isinstance(leaf, Rfm) else relations
    rows = asked.probe.ask(mine.format(query), compared) if query else []
    value = value_of(positive, rows, asked.probe.settings.zone)
    if events is None:
        return value, None
    newest = asked.probe.ask(
        f"select event, ts, source, city, properties, count(*) over () as total from ({mine.format(events)})"
        f" order by ts desc, event_id desc limit {max(asked.evidence, 1)}",
        relations,
    )
    total = newest[0]["total"] if newest else 0
    return value, Evidence(total, tuple(_event(row) for row in newest[: asked.evidence]))


def _models(asked: _Asked) -> dict[str, str]:
    assert asked.sight is not None
    if "person" not in asked.relations:
        asked.relations["person"] = asked.probe.run(asked.sight.models(), [asked.person])
    return asked.relations["person"]


def _models_of_everybody(asked: _Asked) -> dict[str, str]:
    """What ranks people needs the events of all of them, and nothing else of what the person is asked."""
    if "everybody" not in asked.relations:
        ranking = [part for part in asked.parts if isinstance(part.body, Rfm)]
        sight = Sight(ranking, Clock(asked.as_of, asked.probe.settings.zone), asked.probe.settings.events)
        asked.relations["everybody"] = asked.probe.run(sight.models(evidence=False))
    return asked.relations["everybody"]


def _event(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = json.loads(row["properties"]) if row["properties"] else {}
    beside = {key: row[key] for key in ("source", "city") if row[key]}
    return {"event": row["event"], "ts": aware(row["ts"]), "properties": properties, **beside}


def _stand_in(asked: _Asked, definition: Definition) -> Part:
    """A list, a cohort, a live trigger or a forecast as one leaf."""
    value, rows = on_record(asked.probe, definition, asked.person, asked.user_id, asked.as_of)
    holds = f"{definition.name}:{definition.kind}" in asked.members
    words = body_in_words(definition).removeprefix("users ")
    return Part(definition.kind, "leaf", holds, words, value, evidence=Evidence(len(rows), rows[: asked.evidence]))


# ---------------------------------------------------------------- what is missing, and what is doubtful


def _tick(part: Part) -> Tick:
    return Tick(part.path, part.join, part.holds, tuple(_tick(one) for one in part.parts))


def _leaves(definition: Definition) -> dict[str, Leaf]:
    """Leaves by their place; what stands in place of a rule is none."""
    found = leaf_definitions(definition)
    return {path: part.body for path, part in found.items() if part.kind == "who"}  # type: ignore[misc]


def _lacks(asked: _Asked, rule: Part, leaves: Mapping[str, Leaf], path: str, wanted: bool) -> str:
    part = _at(rule, path)
    if path not in leaves:
        return part.value.text if part.value else part.words
    told = in_words(leaves[path], wanted, part.value.data if part.value else None)
    if part.inside is not None and wanted and part.inside.missing:
        told += f": {'; '.join(part.inside.missing)}"
    return told


def _at(part: Part, path: str) -> Part:
    found = next((one for one in _all(part) if one.join == "leaf" and one.path == path), None)
    assert found is not None
    return found


def _all(part: Part) -> list[Part]:
    return [part, *(one for child in part.parts for one in _all(child))]


def _doubts(asked: _Asked, one: Explanation, definition: Definition) -> tuple[str, ...]:
    """Why the rule as asked now and what was recorded need not be the same."""
    zone, record = asked.probe.settings.zone, one.recorded
    said = []
    if record.state == "nothing":
        return ("nothing had been calculated by then: this is what today's rule says of the events before that moment",)
    if one.rule_of == "file":
        said.append("the rule is that of today's file, as no run has kept the one of then")
    if record.calculated_at is not None and record.calculated_at < asked.as_of:
        last = local(record.calculated_at, zone)
        said.append(f"it was last calculated as of {last}, and what happened after that was not seen")
    if record.run_no is not None and record.run_no < asked.probe.run_no:
        said.append(
            "attributes, devices, consents, tags and matched ids are known as they are today, and events may have"
            " landed after that run"
        )
    if definition.kind in ("list", "connector"):
        said.append("lists and pulled cohorts are known as they are today")
    if definition.kind == "live":
        said.append("who qualified is remembered, and what came late is judged for some days only")
    if definition.references:
        said.append("segments that it reads are taken as they were recorded at that moment")
    return tuple(said)
