"""Processes that are killed while they send a message: whoever comes next sends it once, or not at all, and says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from connectors.clock import SystemClock
from connectors.standin.server import Reply, Request, StandIn
from orchestration.push.asked import serve
from orchestration.settings import ROOT
from tests.push.place import MEMBERS, Place

MAIN = "from orchestration.cli import main; main()"
ASKED = ("push", "gold", "--title", "Winter sale", "--text", "Half the price", "--now", "--send")


@dataclass
class Killer:
    """Netmera, which ends the process that asks it for a verb, before or after it has done what was asked."""

    place: Place
    verb: str
    after: bool
    process: subprocess.Popen[str] | None = None

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        if self.process is None or not request.path.endswith(f"/{self.verb}"):
            return None
        if self.after:
            self.place.world.netmera.answer(request, server)
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        return Reply(500)


def killed(place: Place, verb: str, after: bool) -> None:
    """`segments push` in a process of its own, which ends at this call."""
    killer = Killer(place, verb, after)
    place.world.netmera.written._clock = SystemClock()  # as the other process has it
    place.world.server._vendors = [killer, *place.world.server._vendors]
    environ = {
        **os.environ, **place.world.environ, "SEGMENTS_HOME": str(place.settings.home),
        "SEGMENTS_LANDING": place.settings.landing, "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    # The server runs in threads of this process, so it knows the other one before it asks for anything.
    killer.process = process = subprocess.Popen(
        [sys.executable, "-c", MAIN, *ASKED], cwd=place.workspace.root, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said, complained = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, said + complained


@pytest.mark.long
@pytest.mark.parametrize(
    ("verb", "after", "sent", "says"),
    [
        ("tagUsers", False, 0, "died before it was sent; ask for it again"),
        ("tagUsers", True, 0, "died before it was sent; ask for it again"),
        ("sendBulkNotification", False, 0, "it is not known whether the message “Winter sale” went out"),
        ("sendBulkNotification", True, 1, ""),
    ],
)
def test_a_killed_process_sends_at_most_one_message(place: Place, verb: str, after: bool, sent: int, says: str) -> None:
    killed(place, verb, after)
    clock = SystemClock()
    (due,) = place.outbox.due(clock.now())

    def again() -> str:
        return serve(place.settings, due.id, place.world.environ, clock).said

    assert says in (again() if sent else place.told(again))
    assert len(place.sent) == sent
    assert place.outbox.due(clock.now()) == []
    if verb == "tagUsers":
        assert place.push().ending == "sent"
        assert (place.tagged, len(place.sent)) == ({"gold": MEMBERS}, 1)
