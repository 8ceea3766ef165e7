"""A segment of four people, Netmera on loopback with their devices, and a clock that stands still.

Ann gets messages, Bob's push address is dead, Cem does not permit any, and Dan has no external id. Eve could get
messages and is in no segment. Not here: what comes of messages (the tests).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.netmera_messages import PushMessage
from orchestration.activation.named import activations_of
from orchestration.activation.run import activate
from orchestration.activation.wish import Outcome, Wish
from orchestration.gates.results import Override
from orchestration.push.asked import schedule, serve
from orchestration.push.outbox import Outbox, Push, State
from orchestration.push.words import DRAFT, push_activation, tagging
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from tests.connectors.world import World, world
from tests.orchestration.workspace import Workspace, a_user

AS_OF = "2026-01-15T12:00:00Z"
SALE = PushMessage("Winter sale", "Everything for half the price")
IDS = {"ann": "A-1", "bob": "B-2", "cem": "C-3", "dan": None, "eve": "E-5"}
MEMBERS = {"A-1", "B-2", "C-3"}


def landed(root: Path) -> Workspace:
    """Users, segments and one run."""
    workspace = Workspace(root)
    people = [a_user(one, group="gold" if one != "eve" else "none") for one in IDS]
    workspace.land("users", *({**one, "external_id": IDS[one["user_id"]]} for one in people))
    workspace.land("events", {"user_id": "ann", "event": "visit", "ts": "2026-01-15T10:00:00Z"})
    workspace.define(
        gold="activate: [{to: netmera_push, title: Weekly, text: News, platforms: [android], when: {weekly: thu}}]\n"
        "who: [{attribute: group, equals: gold}]\n",
        nobody="[{attribute: group, equals: x}]",
        others="activate: [{to: netmera_tag, tag: shared, when: daily}]\nwho: [{did: visit}]\n",
    )
    workspace.run(AS_OF)
    return workspace


def devices() -> dict[str, dict[str, Any]]:
    """What Netmera knows, by external id."""
    device = {"platform": "ANDROID", "token": "x", "deviceModel": "Pixel 5", "pushPermitted": True}
    return {
        "A-1": {"devices": [device]},
        "B-2": {"devices": [{**device, "token": None}]},
        "C-3": {"devices": [{**device, "pushPermitted": False}]},
        "E-5": {"devices": [device]},
    }


@dataclass
class Place:
    """A workspace beside its world."""

    workspace: Workspace
    world: World

    @property
    def settings(self) -> Settings:
        return self.workspace.settings

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.settings.home)

    @property
    def sent(self) -> list[str]:
        """Titles of the messages that went out, and of those alone."""
        written = self.world.netmera.written.messages
        return [one["asked"]["message"]["title"] for one in written if one["startDate"] is not None]

    @property
    def tagged(self) -> dict[str, set[str]]:
        return self.world.netmera.written.tags

    def wish(self, **more: Any) -> Wish:
        return Wish(**{"at": self.now, "by": "ece", "send": True, **more})

    def push(self, segment: str = "gold", *, tag: str | None = None, draft: bool = False, **wish: Any) -> Outcome:
        """A message by hand, now."""
        activation = push_activation(segment, tag or segment, SALE, **{DRAFT: draft})
        return activate(
            self.settings, activation, self.wish(**wish), self.world.environ, clock=self.world.clock
        )  # fmt: skip

    def activate_tag(self, **wish: Any) -> Outcome:
        """The tag alone, by hand."""
        activation = tagging(push_activation("gold", "gold", SALE))
        environ = {**self.world.environ, "SEGMENTS_SEND": "all"}
        return activate(self.settings, activation, self.wish(**wish), environ, clock=self.world.clock)

    def campaign(self, at: datetime) -> Outcome:
        """The message of the segment's file, for one moment."""
        (activation,) = activations_of(segments_of(self.settings).definitions["gold"])
        wish = self.wish(at=at, automatic=True)
        return activate(self.settings, activation, wish, self.world.environ, clock=self.world.clock)

    def later(self, hours: float = 1, segment: str = "gold", override: Override | None = None) -> Push:
        """A message for a moment to come."""
        at = self.now + timedelta(hours=hours)
        return schedule(self.settings, segment, segment, SALE, at, "ece", self.now, override, self.world.environ)

    def serve(self, id: str) -> Outcome:
        """As the sensor's run does it."""
        return serve(self.settings, id, self.world.environ, self.world.clock)

    def told(self, does: Callable[[], Any]) -> str:
        """The sentence with which something fails."""
        try:
            does()
        except Exception as error:
            return str(error)
        raise AssertionError("expected that it fails")

    def states(self) -> list[State]:
        return [state for state, _ in self.outbox.all()]

    def shown(self) -> list[tuple[Any, ...]]:
        """Message, title, status and segments of the landing files that pushes wrote."""
        files = sorted((Path(self.settings.landing) / "messages").glob("*.parquet"))
        rows = [self.world_rows(file)[0] for file in files]
        return [(one["message_id"], one["title"], one["status"], json.loads(one["segments"])) for one in rows]

    def world_rows(self, file: Path) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        found: list[dict[str, Any]] = pq.ParquetFile(file).read().to_pylist()
        return found


@contextmanager
def placed(workspace: Workspace) -> Iterator[Place]:
    """A workspace with its world, until the block ends."""
    with world(workspace.root, workspace.moment(AS_OF)) as made:
        made.environ["SEGMENTS_SEND"] = "netmera_push"
        made.netmera.segments, made.netmera.messages, made.netmera.users = {}, [], devices()
        yield Place(workspace, made)
