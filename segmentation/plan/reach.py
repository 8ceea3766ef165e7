"""Leaves about channels: reachable, opted in, blacklisted.

Each leaf is a formula over a few plain facts about a user ("has a valid address", "is on the list for sms"), and each
fact is a query for the users of whom it is true. What is unknown is no fact, so it never makes anybody reachable.
Not here: what devices a user has (`devices.py`) and how messages fared (`responses.py`).
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from segmentation.language.model import Channel, Leaf, Reach
from segmentation.plan.conditions import Answer, Block, Layout
from segmentation.plan.devices import DEVICE, IN_USE
from segmentation.plan.sql import Sql, all_of, complement, literal

CHANNELS: tuple[Channel, ...] = get_args(Channel)
PUSH_CHANNELS = ("push", "web_push")

# Blanks at either end are no part of an address; blanks and dashes inside a number are how people write it.
ADDRESS = r"[\s\pZ]*[^@\s\pZ]+@[^@\s\pZ]+\.[^@\s\pZ.]+[\s\pZ]*"
NUMBER = r"\+[0-9]{8,15}"
NUMBER_FILLERS = r"[\s\pZ-]"


class ReachConditions:
    """Collects leaves; there are few distinct ones, so all of them are one block."""

    def __init__(self) -> None:
        self.leaves: dict[Reach, None] = {}

    def add(self, leaf: Reach) -> None:
        """Notes a leaf."""
        self.leaves[leaf] = None

    def place(self, layout: Layout) -> dict[Leaf, Answer]:
        """The block of all leaves, and where each leaf's answer stands."""
        if not self.leaves:
            return {}
        facts: dict[Sql, str] = {}
        tests = tuple(_test(leaf, facts) for leaf in self.leaves)
        bits = layout.place(Block(tests, _source(facts)))
        return {leaf: Answer(bit) for leaf, bit in zip(self.leaves, bits, strict=True)}


def reachability() -> Sql:
    """One row per person of whom anything is known, with a boolean for each channel: the leaf `reachable: CHANNEL`."""
    facts: dict[Sql, str] = {}
    tests = {channel: _test(Reach("reachable", channel), facts) for channel in CHANNELS}
    columns = "".join(f", coalesce({test}, false) as {channel}" for channel, test in tests.items())
    return Sql(f"select t.person_no{columns} from ({_source(facts)}) as t")


class Fact(NamedTuple):
    """A fact that a leaf rests on: in words that follow `has`, the users of whom it is true, and whether it must be."""

    words: str
    users: Sql
    must_be: bool = True


def _test(leaf: Reach, facts: dict[Sql, str]) -> Sql:
    named = ((one, Sql(facts.setdefault(one.users, f"f{len(facts)}"))) for one in facts_of(leaf))
    return all_of(name if one.must_be else complement(name) for one, name in named)


def facts_of(leaf: Reach) -> tuple[Fact, ...]:
    """What has to be true, and what must not be, for a leaf to hold."""
    channel = leaf.channel
    if leaf.word == "blacklisted":
        return (Fact(f"a place on the blacklist for {channel}", _listed(channel)),)
    if channel in PUSH_CHANNELS:
        kind = "a browser" if channel == "web_push" else "a device"
        permitting = Fact(f"{kind} that permits push", _permitting_device(channel))
    else:
        permitting = Fact(f"a consent to {channel}", _consent(channel))
    if leaf.word == "opted_in":
        return (permitting,)
    unlisted = Fact(f"a place on the blacklist for {channel}", _listed(channel), must_be=False)  # it wins over all else
    if channel in PUSH_CHANNELS:
        return Fact(f"{kind} with a token that permits push", _permitting_device(channel, with_token=True)), unlisted
    if channel == "email":
        bounced = Fact("an address that bounced", _bounced(), must_be=False)
        return Fact("a valid e-mail address", _with_address()), permitting, bounced, unlisted
    return Fact("a valid phone number", _with_number()), permitting, unlisted


# ---------------------------------------------------------------- facts: queries for users


def _listed(channel: str) -> Sql:
    return Sql(f"select user_id from {{{{ ref('stg_blacklist') }}}} where channel = {literal(channel)} and listed")


def _consent(channel: str) -> Sql:
    chosen = f"channel = {literal(channel)} and state = 'opted_in'"
    return Sql(f"select user_id from {{{{ ref('stg_consents') }}}} where {chosen}")


def _bounced() -> Sql:
    return Sql("select user_id from {{ ref('stg_consents') }} where channel = 'email' and reason = 'hard_bounce'")


def _permitting_device(channel: str, *, with_token: bool = False) -> Sql:
    """One device has it all: a token on one and a permission on another reach nobody."""
    web = f"coalesce({DEVICE}.platform, '') {'=' if channel == 'web_push' else '<>'} 'web'"
    token = f" and {DEVICE}.has_token" if with_token else ""
    return Sql(
        f"select {DEVICE}.user_id from {{{{ ref('stg_devices') }}}} as {DEVICE}"
        f" where {IN_USE} and {web} and {DEVICE}.push_permission{token}"
    )


def _with_address() -> Sql:
    return Sql(f"select user_id from {{{{ ref('stg_users') }}}} where regexp_full_match(email, '{ADDRESS}')")


def _with_number() -> Sql:
    bare = f"regexp_replace(msisdn, '{NUMBER_FILLERS}', '', 'g')"
    return Sql(f"select user_id from {{{{ ref('stg_users') }}}} where regexp_full_match({bare}, '{NUMBER}')")


def _source(facts: dict[Sql, str]) -> Sql:
    """One row per person of whom some fact is true, one boolean per fact."""
    columns = "".join(f", bool_or(f.fact = {n}) as {name}" for n, name in enumerate(facts.values()))
    union = " union all ".join(f"select user_id, {n} as fact from ({users})" for n, users in enumerate(facts))
    return Sql(
        f"select p.person_no{columns} from ({union}) as f"
        " join {{ ref('people') }} as p on p.source = '' and p.id = f.user_id group by p.person_no"
    )
