"""The receiver that docs/webhooks-out.md shows takes what is really sent, once, and nothing else."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.clock import SystemClock
from connectors.errors import CredentialsRefused
from connectors.hooks.batch import Batch, Event
from connectors.hooks.endpoint import Hook, receiver
from connectors.standin.server import Reply, Request, StandIn

PAGE = Path(__file__).parents[2] / "docs" / "webhooks-out.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Shown:
    """The function of the page behind a server."""

    def __init__(self) -> None:
        (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        found: dict[str, Any] = {}
        exec(code, found)
        self.receive = found["receive"]
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute("create table events (id text primary key)")
        self.db.execute("create table people (user_id text primary key)")

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """Every path is its own."""
        return Reply(self.receive(self.db, SECRET, request.headers, request.raw))

    @property
    def people(self) -> list[str]:
        return [one for (one,) in self.db.execute("select user_id from people order by user_id")]


@pytest.fixture
def shown() -> Iterator[tuple[Shown, dict[str, str]]]:
    stand_in = Shown()
    with StandIn([stand_in]) as server:
        yield stand_in, {"HOOK_URL": server.url, "HOOK_SECRET": SECRET}


def batch(number: int, *changes: str) -> Batch:
    at = "2026-01-15T00:00:00Z"
    events = [Event(f"evt_{number}_{one}", *one.split(), None, at, "data") for one in changes]
    return Batch(f"msg_{number}", "gold", at, events)


def test_the_receiver_of_the_page_takes_each_change_once(shown: tuple[Shown, dict[str, str]]):
    stand_in, environ = shown
    hook = Hook(receiver(environ, "HOOK_URL"), SystemClock())
    first, second = batch(1, "entered ada", "entered bea", "left ada"), batch(2, "entered ada", "left bea")
    for one in (first, first, second, first, second):
        hook.post(one)
    assert stand_in.people == ["ada"]


def test_the_receiver_of_the_page_does_not_believe_another_secret(shown: tuple[Shown, dict[str, str]]):
    stand_in, environ = shown
    wrong = {**environ, "HOOK_SECRET": "whsec_" + "A" * 32}
    with pytest.raises(CredentialsRefused):
        Hook(receiver(wrong, "HOOK_URL"), SystemClock()).post(batch(1, "entered ada"))
    assert stand_in.people == []
