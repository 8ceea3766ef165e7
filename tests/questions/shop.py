"""A small shop in Istanbul (UTC+3) on two nights, for all tests that ask questions of a warehouse.

Ada, bea and cem buy, cem partly under an id of Mixpanel that is his by its external id; dan was last seen long ago, eve
comes on the second day. Between the nights bea turns gold, and `spenders` asks for less.
"""

from __future__ import annotations

from typing import Any

from tests.orchestration.workspace import Workspace, a_device, a_user, an_event

ZONE = "Europe/Istanbul"
FIRST, SECOND = "2026-03-02", "2026-03-04"  # local midnights of the two runs
DEFINITIONS = {
    "gold": "[{attribute: tier, equals: gold}]",
    "buyers": "[{did: purchase, within: 30 days, count: {gte: 2}}]",
    "gold_buyers": "[{segment: gold}, {segment: buyers}]",
    "plain_buyers": "who: [{did: purchase}]\nexclude: [gold]\n",
    "spenders": "[{did: purchase, within: 30 days, sum: {of: amount, gte: 100}}]",
    "quiet": "[{did_not: visit, within: 2 days}]",
    "mixed": "{any: [{all: [{attribute: tier, equals: gold}, {not: {did: visit}}]}, {tag: friend}]}",
    "phones": "who: [{platform: [ios, android]}]\nuniverse: active within 90 days\n",
    "visitors_of_the_day": "live: {did: visit}\n",
    "vip": "list: {file: lists/vip.csv}\n",
    "cohort": "connector: {mixpanel: {cohort: PN_people}}\n",
    "likely": "predict: {event: purchase, learn_from: 20 days, predict: 5 days, precision: 0.5}\n",
    "best": "[{rfm: {event: purchase, within: 60 days, segment: loyal_users}}]",
    "vip_or_gold": "who: [{did: any}]\ninclude: [vip, gold]\n",
}
MEMBERS = {
    "gold": "ada bea",
    "buyers": "ada cem",
    "gold_buyers": "ada",
    "plain_buyers": "cem dan",
    "spenders": "ada cem",
    "quiet": "ada bea cem dan",
    "mixed": "ada dan",
    "phones": "ada bea",
    "visitors_of_the_day": "eve",
    "vip": "bea dan",
    "cohort": "cem",
    "best": "cem",
    "vip_or_gold": "ada bea dan",
}


def begin(workspace: Workspace) -> Workspace:
    """The files as they are before the first night."""
    workspace.define(**{**DEFINITIONS, "spenders": "[{did: purchase, within: 30 days, sum: {of: amount, gte: 150}}]"})
    lists = workspace.settings.segments / "lists"
    lists.mkdir()
    (lists / "vip.csv").write_text("Type,Identity\ng,bea\ng,dan\ng,nobody\ni,twins@shop.test\n", encoding="utf-8")
    workspace.land("users", *users("silver"))
    workspace.land("devices", a_device("ada", "ios"), a_device("bea", "android"), a_device("cem", "web"))
    workspace.land(
        "events/first",
        an_event("ada", "purchase", "2026-02-10T10:00:00Z", amount=60, category="hats"),
        an_event("ada", "purchase", "2026-02-25T10:00:00Z", amount=45, category="shoes"),
        an_event("bea", "visit", "2026-02-20T10:00:00Z"),
        an_event("bea", "purchase", "2026-02-28T10:00:00Z", amount=30, category="hats"),
        an_event("cem", "purchase", "2026-02-20T10:00:00Z", amount=80),
        of_mixpanel("E3", "purchase", "2026-02-26T10:00:00Z", amount=40),
        of_mixpanel("stranger", "purchase", "2026-02-26T10:00:00Z", amount=400),
        an_event("cem", "visit", "2026-02-28T23:00:00Z"),
        an_event("dan", "purchase", "2025-06-01T10:00:00Z", amount=500),
        an_event("dan", "open", "2026-02-01T10:00:00Z"),
    )
    audience = {"connector": "mixpanel", "audience_id": "7", "fetched_at": "2026-03-01T18:00:00Z"}
    workspace.land("audiences", {**audience, "name": "PN_people", "reported_users": 3})
    workspace.land(
        "audience_members",
        {**audience, "connector_user_id": "E3"},
        {**audience, "connector_user_id": "stranger"},
        {**audience, "connector_user_id": None, "email": "not an address"},
    )
    return workspace


def arrive(workspace: Workspace) -> None:
    """What comes between the nights."""
    workspace.define(spenders=DEFINITIONS["spenders"])
    workspace.land("users", *users("gold"), {**a_user("eve"), "created_at": "2026-03-03T10:00:00Z"})
    workspace.land("events/second", an_event("eve", "visit", "2026-03-03T10:00:00Z"))


def users(tier_of_bea: str) -> list[dict[str, Any]]:
    return [
        {**a_user("ada", tier="gold"), "tags": ["vip"], "city": "Ankara"},
        {**a_user("bea", tier=tier_of_bea), "email": "twins@shop.test"},
        {**a_user("cem", tier="basic"), "external_id": "E3", "email": "twins@shop.test"},
        {**a_user("dan"), "tags": ["friend"]},
    ]


def of_mixpanel(said: str, name: str, ts: str, **properties: Any) -> dict[str, Any]:
    event = an_event("", name, ts, **properties)
    return {**event, "user_id": None, "source": "mixpanel", "source_user_id": said, "event_id": f"{said}-{ts}"}
