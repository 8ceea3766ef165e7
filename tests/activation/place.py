"""A workspace with a segment of a few people that goes to an audience, and what comes of its activation.

Not here: what holds (the tests).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.clock import ManualClock
from orchestration.activation.limits import Limits
from orchestration.activation.named import Activation, activations_of
from orchestration.activation.run import activate
from orchestration.activation.wish import Outcome, Wish
from orchestration.gates.results import Override
from orchestration.segment_folder import segments_of
from tests.activation.audience import Audience
from tests.orchestration.workspace import Workspace

AT = datetime(2026, 3, 9, 9, tzinfo=UTC)
MAY = {"SEGMENTS_SEND": "all"}
GO_ON = Override("ada", "we know")


def a_user(user_id: str, tier: str = "gold", **more: Any) -> dict[str, Any]:
    """Somebody with an address and consent, unless told otherwise."""
    return {"user_id": user_id, "email": f"{user_id}@x.test", "ad_consent": True, "attributes": {"tier": tier}, **more}


@dataclass
class Place:
    workspace: Workspace
    audiences: dict[str, Audience] = field(default_factory=dict)
    most_per_run: int = 1_000

    @staticmethod
    def at(root: Path) -> Place:
        return Place(Workspace(root))

    def segment(self, name: str, activate: str, tier: str = "gold") -> None:
        self.workspace.define(**{name: f"who: [{{attribute: tier, equals: {tier}}}]\nactivate: [{activate}]\n"})

    def activation(self, segment: str) -> Activation:
        return activations_of(segments_of(self.workspace.settings).definitions[segment])[0]

    def audience(self, place: str) -> Audience:
        return self.audiences.setdefault(place, Audience(most=3))

    def go(self, segment: str, environ: Mapping[str, str] = MAY, **wish: Any) -> Outcome:
        """Sends by hand, unless the wish says otherwise."""
        wanted = {"at": AT, "by": "ada", "send": True, **wish}
        activation = self.activation(segment)
        made = {activation.to: lambda one, *_: self.audience(one.place)}
        settings = replace(self.workspace.settings, activation=Limits(self.most_per_run))
        return activate(
            settings, activation, Wish(**wanted), environ, clock=ManualClock(AT), factories=made
        )  # fmt: skip

    def people(self, place: str) -> str:
        """Who is at a place, such as `ada bea`."""
        return " ".join(sorted(email.partition("@")[0] for email, _ in self.audience(place).people))

    def rows(self, columns: str, segment: str) -> list[tuple[Any, ...]]:
        """What is published of the calls of a segment's activation."""
        return self.workspace.rows(
            f"select {columns} from segments.activations where segment = '{segment}' order by activation_no"
        )
