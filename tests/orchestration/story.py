"""Four days of five people in Istanbul (UTC+3), checked by hand.

| local midnight | buyers of 2 days | gold | gold buyers | quiet |
| --- | --- | --- | --- | --- |
| 2 March | ada | ada bea | ada | bea cem dan |
| 3 March | ada bea | ada bea | ada bea | cem dan |
| 4 March | bea cem | ada bea cem | bea cem | ada dan eve |
| 5 March | ada cem | ada bea cem | ada cem | bea dan eve |

Bea buys in the last second of 2 March, cem in the first instant of 3 March: the midnight between them counts her and
not yet him. Dan bought too long ago. Eve turns up on 3 March and buys nothing.
"""

from __future__ import annotations

from tests.orchestration.workspace import Workspace, a_device, a_user, an_event

DEFINITIONS = {
    "buyers": "[{did: purchase, within: 2 days}]",
    "gold": "[{attribute: tier, equals: gold}]",
    "gold_buyers": "[{segment: gold}, {segment: buyers}]",
    "quiet": "[{did_not: purchase, within: 2 days}]",
}
MIDNIGHTS = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")
MEMBERS = (
    {"buyers": "ada", "gold": "ada bea", "gold_buyers": "ada", "quiet": "bea cem dan"},
    {"buyers": "ada bea", "gold": "ada bea", "gold_buyers": "ada bea", "quiet": "cem dan"},
    {"buyers": "bea cem", "gold": "ada bea cem", "gold_buyers": "bea cem", "quiet": "ada dan eve"},
    {"buyers": "ada cem", "gold": "ada bea cem", "gold_buyers": "ada cem", "quiet": "bea dan eve"},
)
ADA, BEA, DAN = a_user("ada", tier="gold"), a_user("bea", tier="gold"), a_user("dan")


def begin(workspace: Workspace) -> Workspace:
    """The files as they are before the first run."""
    workspace.define(**DEFINITIONS)
    workspace.land("users", ADA, BEA, a_user("cem", tier="basic"), DAN)
    workspace.land(
        "devices",
        a_device("ada", "ios"),
        a_device("bea", "android"),
        a_device("bea", "web"),
        a_device("cem", "web", registered=False),
    )
    workspace.land(
        "events/before",
        an_event("dan", "purchase", "2026-02-26T12:00:00Z"),
        an_event("ada", "purchase", "2026-03-01T10:00:00Z"),
        an_event("cem", "visit", "2026-03-01T10:00:00Z"),
    )
    return workspace


def arrive(workspace: Workspace, midnight: str) -> None:
    """What lands on the day that ends at a midnight."""
    if midnight == "2026-03-03":
        workspace.land(
            "events/second",
            an_event("bea", "purchase", "2026-03-02T20:59:59Z"),
            an_event("cem", "purchase", "2026-03-02T21:00:00Z"),
        )
    if midnight == "2026-03-04":
        workspace.land("users", ADA, BEA, a_user("cem", tier="gold"), DAN, a_user("eve"))
    if midnight == "2026-03-05":
        workspace.land("events/fourth", an_event("ada", "purchase", "2026-03-04T12:00:00Z"))
