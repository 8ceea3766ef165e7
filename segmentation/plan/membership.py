"""Membership: each segment as a boolean over condition bits and over other segments, in dependency order.

A reference to a segment computed in the same plan is a column of an earlier level; one to a segment that is not
computed now (paused, not due, failed) reads its stored bit. Not here: comparing with the members of the last run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from segmentation.language.model import All, Any_, Definition, Did, InSegment, Leaf, Not, Predict, Rule
from segmentation.plan.conditions import WORD, Answer
from segmentation.plan.leaves import Conditions, universe_leaf
from segmentation.plan.predictions import BANDS
from segmentation.plan.rolls import Rolls, Unsupported, roll_of
from segmentation.plan.sql import Sql, all_of, any_of, literal, packed
from segmentation.plan.system import system_definitions

ROW = "x"


class Membership:
    """Which segments a plan computes, and the model that does."""

    def __init__(
        self,
        conditions: Conditions,
        definitions: Mapping[str, Definition],
        slots: Mapping[str, int],
        wanted: set[str],
        failed: Mapping[str, str],
        stored: frozenset[str],
    ) -> None:
        self.conditions, self.slots, self.wanted, self.stored = conditions, slots, wanted, stored
        self.system = system_definitions(conditions.settings)
        self.definitions = {**definitions, **self.system}
        self.failed = dict(failed)
        self.answers: Mapping[Leaf, Answer] = {}
        self.rolls = Rolls()

    def resolve(self) -> list[str]:
        """Names to compute, references first, system segments that are referred to included."""
        order: list[str] = []
        seen: set[str] = set()

        def visit(name: str) -> None:
            if name in seen:
                return
            seen.add(name)
            for reference in self.definitions[name].references:
                if reference in self.definitions and (reference in self.system or reference in self.wanted):
                    visit(reference)
            if name not in self.failed and (reason := self._unreadable(name)):
                self.failed[name] = reason
            if name not in self.failed:
                order.append(name)

        for name in sorted(self.wanted & set(self.definitions)):
            visit(name)
        self.computed = set(order)
        return order

    def _unreadable(self, name: str) -> str | None:
        for reference in self.definitions[name].references:
            computed = (reference in self.system or reference in self.wanted) and reference not in self.failed
            if not computed and reference not in self.stored:
                why = self.failed.get(reference, "it has no members yet")
                return f"refers to segment {reference}, which cannot be read: {why}"
        try:
            roll_of(self.definitions[name])
        except Unsupported as reason:
            return str(reason)
        return None

    # ------------------------------------------------------------ SQL

    def give_answers(self, answers: Mapping[Leaf, Answer], order: list[str]) -> None:
        """Where the bits of conditions stand, and those of rolls; the SQL below reads them."""
        self.answers = answers
        for name in order:
            if (roll := roll_of(self.definitions[name])) is not None:
                self.rolls.bit(roll)

    def users(self, read: set[str], order: list[str]) -> Sql:
        """A query of all users with the bits of their conditions, and what `rule` needs of the segments `read`.

        These are computed from what lies before `segment_bits_now`; none of them may be live, at any depth.
        """
        reachable: set[str] = set()
        waiting = sorted(read & self.computed)
        while waiting:
            name = waiting.pop()
            if name not in reachable:
                reachable.add(name)
                waiting += [other for other in self.definitions[name].references if other in self.computed]
        below = [name for name in order if name in reachable]
        rolls = {
            roll: bit for name in below if (roll := roll_of(self.definitions[name])) and (bit := self.rolls.bit(roll))
        }
        ctes = self._chain(below, {*read, *reachable}, f"({self.rolls.query(rolls)})" if rolls else None)
        return Sql(f"with {_named(ctes)}\nselect * from level_{len(ctes) - 1}")

    def model(self, order: list[str]) -> str:
        """The dbt model `segment_bits_now`: word, person and bits, one row where any bit is set."""
        referred = {r for name in order for r in self.definitions[name].references}
        ctes = self._chain(order, referred, "{{ ref('roll_bits') }}" if self.rolls.bits else None)
        chain = _named(ctes)
        selects = [
            f"select {word}::usmallint as word, person_no, bits\nfrom (select person_no, "
            f"{' | '.join(self._placed(name, self.slots[name] % WORD, referred) for name in names)} as bits"
            f"\n    from level_{len(ctes) - 1} as {ROW})\nwhere bits <> 0"
            for word, names in self._words(order).items()
        ]
        nothing = "select 0::usmallint as word, 0::uinteger as person_no, 0::ubigint as bits where false"
        union = "\nunion all\n".join(selects or [nothing])
        return "{{ config(materialized='table') }}\n" + f"with {chain}\n{union}\n"

    def _chain(self, order: list[str], referred: set[str], rolls: str | None) -> list[str]:
        """Queries on one another: users with their bits, then the columns of segments that others read, by level."""
        levels = self._levels(order)
        beneath = {r for name in order for r in self.definitions[name].references} | referred
        from_stored = sorted({self.slots[r] // WORD for r in beneath if r not in self.computed})
        bands = {body for name in order if (body := ranked(self.definitions[name]))}
        forecasts = sorted({self.conditions.predictions.number(body) for body in bands})
        ctes = [self._base(from_stored, rolls, forecasts)]
        for level in range(max(levels.values(), default=-1) + 1):
            columns = [
                f"({self.expression(name)}) as {column_of(name)}"
                for name in order
                if levels[name] == level and name in referred
            ]
            if columns:
                ctes.append(f"select *, {', '.join(columns)} from level_{len(ctes) - 1} as {ROW}")
        return ctes

    def _base(self, stored_words: list[int], rolls: str | None, forecasts: list[int]) -> str:
        columns = "".join(f", coalesce(p{word}.bits, 0::ubigint) as p{word}" for word in stored_words)
        joins = "".join(
            f"\n    left join {{{{ stored_bits({word}) }}}} as p{word} on p{word}.person_no = c.person_no"
            for word in stored_words
        )
        if rolls:
            columns += "".join(f", coalesce(r.{word}, 0::ubigint) as {word}" for word in self.rolls.columns)
            joins += f"\n    left join {rolls} as r on r.person_no = c.person_no"
        for number in forecasts:
            columns += f", q{number}.score as q{number}"
            joins += (
                f"\n    left join {{{{ ref('prediction_scores') }}}} as q{number} on q{number}.person_no = c.person_no"
                f" and q{number}.forecast = {number} and q{number}.phase = 'score'"
            )
        return f"select c.*{columns} from {{{{ ref('user_conditions') }}}} as c{joins}"

    def _levels(self, order: list[str]) -> dict[str, int]:
        levels: dict[str, int] = {}
        for name in order:
            below = [levels[r] for r in self.definitions[name].references if r in levels]
            levels[name] = 1 + max(below, default=-1)
        return levels

    def _words(self, order: list[str]) -> dict[int, list[str]]:
        words: dict[int, list[str]] = {}
        for name in sorted((n for n in order if n in self.wanted), key=lambda n: self.slots[n]):
            words.setdefault(self.slots[name] // WORD, []).append(name)
        return words

    def _placed(self, name: str, position: int, referred: set[str]) -> Sql:
        """The members of a segment as a word with its one bit; a segment that is one condition just moves that bit."""
        answer = self._lone_answer(name)
        if answer is None or answer.negated:
            return packed([(position, self._result(name, referred))])
        return answer.bit.moved(ROW, position)

    def _lone_answer(self, name: str) -> Answer | None:
        definition = self.definitions[name]
        if definition.include or definition.exclude or universe_leaf(definition) is not None:
            return None
        rule = definition.body
        while isinstance(rule, All | Any_) and len(rule.children) == 1:
            rule = rule.children[0]
        return self.answers.get(rule)  # type: ignore[arg-type]  # a group or another kind of body is no key

    def _result(self, name: str, referred: set[str]) -> Sql:
        return Sql(f"{ROW}.{column_of(name)}") if name in referred else self.expression(name)

    def expression(self, name: str) -> Sql:
        """The members of a segment as a boolean of a row; never null."""
        definition = self.definitions[name]
        within: list[Sql] = []
        if definition.include:
            included = [self._reference(other) for other in definition.include]
            within.append(any_of(included) if definition.include_mode == "any" else all_of(included))
        if (leaf := universe_leaf(definition)) is not None:
            within.append(self.rule(leaf))
        excluded = [self._reference(other, holds=False) for other in definition.exclude]
        return all_of([self._body(definition, all_of(within)), *excluded, *within])

    def _body(self, definition: Definition, within: Sql) -> Sql:
        """Who a definition is about by itself, among those that its universe and its includes let in."""
        if (body := ranked(definition)) is not None:
            return self._in_band(body, within)
        roll = roll_of(definition)
        return self.rolls.bit(roll).test(ROW) if roll else self.rule(definition.body)  # type: ignore[arg-type]

    def _in_band(self, body: Predict, within: Sql) -> Sql:
        """A third by likelihood of those who are within; nobody where there was too little to learn from."""
        score = f"{ROW}.q{self.conditions.predictions.number(body)}"
        above, up_to = (literal(bound) for bound in BANDS[body.band or ""])
        place = f"cume_dist() over (partition by {within} order by {score})"
        return Sql(f"({score} is not null and {place} > {above} and {place} <= {up_to})")

    def rule(self, rule: Rule, holds: bool = True) -> Sql:
        """True for rows that satisfy a rule, or that do not. Nothing here is null, so a complement goes down to the
        bits, where it costs nothing."""
        match rule:
            case All(children):
                return (all_of if holds else any_of)(self.rule(child, holds) for child in children)
            case Any_(children):
                return (any_of if holds else all_of)(self.rule(child, holds) for child in children)
            case Not(child):
                return self.rule(child, not holds)
            case InSegment(name):
                return self._reference(name, holds)
            case Did(negated=True):
                return self.answers[replace(rule, negated=False)].test(ROW, holds=not holds)
            case _:
                return self.answers[rule].test(ROW, holds=holds)

    def _reference(self, name: str, holds: bool = True) -> Sql:
        if name in self.computed:
            return Sql(f"{'' if holds else 'not '}{ROW}.{column_of(name)}")
        slot = self.slots[name]
        return Sql(f"({ROW}.p{slot // WORD} & {1 << slot % WORD}::ubigint) {'<>' if holds else '='} 0")


def _named(ctes: list[str]) -> str:
    return ",\n".join(f"level_{n} as (\n    {cte}\n)" for n, cte in enumerate(ctes))


def ranked(definition: Definition) -> Predict | None:
    """What a definition predicts, if it asks for a band: then its members depend on who else is in the group."""
    return definition.body if isinstance(definition.body, Predict) and definition.body.band else None


def column_of(name: str) -> str:
    """The column of a segment that other segments read; segment names are plain identifiers."""
    return f"in_{name}"
