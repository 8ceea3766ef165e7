"""Leaves about messages: received, opened, clicked, and the two negative forms.

A window is about when a message went out to the user, not about the reaction: reactions count until the run's moment.
Not here: whether a message would reach the user (`reach.py`).
"""

from __future__ import annotations

from segmentation.clock import Clock, bounds
from segmentation.language.model import Leaf, Response
from segmentation.plan.checks import within
from segmentation.plan.conditions import Answer, Block, Layout, batches
from segmentation.plan.sql import Sql, all_of, complement, literal

ROW = "m"  # how a condition calls one message at one user

# What must have become of the messages, and what must not. Who was never targeted is in neither negative form.
KINDS: dict[str, tuple[str, str | None]] = {
    "received": ("delivered", None),
    "opened": ("opened", None),
    "clicked": ("clicked", None),
    "not_clicked": ("delivered", "clicked"),
    "not_received": ("targeted", "delivered"),
}


class ResponseConditions:
    """Collects leaves; all of them share one pass over the messages of each user."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.leaves: dict[Response, None] = {}

    def add(self, leaf: Response) -> None:
        """Notes a leaf."""
        self.leaves[leaf] = None

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """Blocks for all leaves, and where each leaf's answer stands."""
        answers: dict[Leaf, Answer] = {}
        for batch in batches(self.leaves):
            columns: dict[Sql, str] = {}
            tests = tuple(self._test(leaf, columns) for leaf in batch)
            for leaf, bit in zip(batch, layout.place(Block(tests, self._source(columns))), strict=True):
                answers[leaf] = Answer(bit)
        return answers

    def _test(self, leaf: Response, columns: dict[Sql, str]) -> Sql:
        scope = self._scope(leaf)
        some, none = KINDS[leaf.kind]
        terms = [_some(some, scope, columns)]
        if none is not None:
            terms.append(complement(_some(none, scope, columns)))
        return all_of(terms)

    def _scope(self, leaf: Response) -> Sql:
        """The messages that a leaf asks about."""
        terms = []
        if leaf.messages is not None:
            ids = ", ".join(literal(message) for message in sorted(set(leaf.messages)))
            terms.append(Sql(f"{ROW}.message_id in ({ids})"))
        if leaf.window is not None:
            terms.append(within(Sql(f"{ROW}.sent_at"), *bounds(leaf.window, self.clock, of_events=True)))
        return all_of(terms)

    def _source(self, columns: dict[Sql, str]) -> Sql:
        listed = "".join(f", {sql} as {name}" for sql, name in columns.items())
        return Sql(f"select {ROW}.person_no{listed} from ({self._messages()}) as {ROW} group by {ROW}.person_no")

    def seen(self, leaf: Response) -> Sql:
        """What a leaf looks at: the messages it asks about at each user, and what became of them."""
        return Sql(f"select {ROW}.* from ({self._messages()}) as {ROW} where {self._scope(leaf)}")

    def _messages(self) -> Sql:
        """One row per user and message: when it went out to them, and whether each kind of response came."""
        kinds = sorted({kind for pair in KINDS.values() for kind in pair if kind})
        flags = "".join(f", bool_or(e.kind = {literal(kind)}) as {kind}" for kind in kinds)
        return Sql(
            "select p.person_no, e.message_id,"
            " coalesce(min(e.ts) filter (where e.kind = 'sent'), any_value(s.sent_at)) as sent_at"
            f"{flags} from {{{{ ref('stg_message_events') }}}} as e"
            " join {{ ref('people') }} as p on p.source = '' and p.id = e.user_id"
            " left join {{ ref('stg_messages') }} as s on s.message_id = e.message_id"
            f" where e.ts < {literal(self.clock.as_of)} group by p.person_no, e.message_id"
        )


def _some(kind: str, scope: Sql, columns: dict[Sql, str]) -> Sql:
    """The column that says whether some message of the scope had the kind."""
    return Sql(columns.setdefault(Sql(f"bool_or({ROW}.{kind} and {scope})"), f"a{len(columns)}"))
