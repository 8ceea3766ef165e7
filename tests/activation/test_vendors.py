"""Fifty batches to each vendor over HTTP, killed in between, and tried again: who is there is who should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.accounts import netmera_account
from connectors.clock import ManualClock, SystemClock
from connectors.destinations import Action, Contact, Destination, Identity, Receipt
from connectors.netmera_tags import NetmeraTag
from connectors.standin import StandIn, StandInNetmera
from tests.activation.audience import Fuse, Killed, bring
from tests.connectors.google_world import google_world
from tests.connectors.meta_world import meta_world
from tests.connectors.world import NOON

ROOT = Path(__file__).parents[2]
PEOPLE = [Contact(f"u{n:03}", f"x{n:03}", f"u{n:03}@x.test", f"+90532111{n:04}", "TR") for n in range(100)]
NOW = [one for one in PEOPLE if int(one.user_id[1:]) % 10]  # some leave while nobody sends


class Watched:
    """A destination with small batches, and a fuse before and after each of them."""

    def __init__(self, destination: Destination, fuse: Fuse) -> None:
        self._destination, self.fuse, self.most, self.vendor = destination, fuse, 2, destination.vendor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._destination, name)

    @contextmanager
    def sending(self, action: Action, rows: int, batches: int) -> Iterator[Watched]:
        with self._destination.sending(action, rows, batches) as self._line:
            yield self

    def send(self, batch: list[Identity]) -> Receipt:
        self.fuse.burn()
        receipt = self._line.send(batch)
        self.fuse.burn()
        return receipt


@dataclass
class World:
    """A vendor: how its destination is made, and who is there."""

    destination: Callable[[], Destination]
    there: Callable[[], set[frozenset[str]]]


@contextmanager
def meta() -> Iterator[World]:
    with meta_world() as here:
        yield World(here.audience, lambda: set(here.there.people))


@contextmanager
def google() -> Iterator[World]:
    with google_world() as here:
        yield World(here.audience, lambda: set(here.members))


@contextmanager
def netmera() -> Iterator[World]:
    vendor = StandInNetmera(users={str(one.external_id): {} for one in PEOPLE})
    with StandIn([vendor]) as server:
        account = netmera_account({"NETMERA_URL": server.url, "NETMERA_API_KEY": "netmera-key"})

        yield World(
            lambda: NetmeraTag(account, "gold", ManualClock(NOON)),
            lambda: {frozenset([one]) for one in vendor.written.tags.get("gold", ())},
        )


WORLDS: dict[str, Callable[[], AbstractContextManager[World]]] = {"meta": meta, "google": google, "netmera": netmera}


@pytest.mark.long
@pytest.mark.parametrize("vendor", WORLDS)
@pytest.mark.parametrize("at", [151, 152, 153, 154])
def test_a_send_of_fifty_batches_that_was_killed_is_completed_by_a_retry(tmp_path: Path, vendor: str, at: int):
    """Before and after a batch, and before and after what is noted of it."""
    with WORLDS[vendor]() as world:
        with pytest.raises(Killed):
            bring(tmp_path / "ledger.duckdb", PEOPLE, Watched(world.destination(), Fuse(at)))  # type: ignore[arg-type]
        for _ in range(2):  # what a vendor works off later is asked for
            again = Watched(world.destination(), Fuse())
            bring(tmp_path / "ledger.duckdb", NOW, again)  # type: ignore[arg-type]
        wanted = {frozenset(filter(None, again.identity(one))) for one in NOW}
        assert world.there() == wanted


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors.accounts import netmera_account
from connectors.clock import SystemClock
from connectors.netmera_tags import NetmeraTag
from tests.activation.audience import Fuse, bring
from tests.activation.test_vendors import PEOPLE, Watched

class Deadly(Fuse):
    def burn(self):
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

account = netmera_account({"NETMERA_URL": sys.argv[1], "NETMERA_API_KEY": "netmera-key"})
tag = NetmeraTag(account, "gold", SystemClock())
bring(Path(sys.argv[2]), PEOPLE, Watched(tag, Deadly(int(sys.argv[3]))))
"""


@pytest.mark.long
@pytest.mark.parametrize("at", [100, 101])
def test_a_process_that_is_killed_leaves_what_the_next_one_goes_on_with(tmp_path: Path, at: int):
    vendor = StandInNetmera(users={str(one.external_id): {} for one in PEOPLE})
    file = tmp_path / "ledger.duckdb"
    with StandIn([vendor]) as server:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", KILLED, server.url, str(file), str(at)], cwd=ROOT, env=environ)
        assert done.returncode == -signal.SIGKILL
        before = set(vendor.written.tags["gold"])
        account = netmera_account({"NETMERA_URL": server.url, "NETMERA_API_KEY": "netmera-key"})

        bring(file, NOW, Watched(NetmeraTag(account, "gold", SystemClock()), Fuse()))  # type: ignore[arg-type]
    assert 0 < len(before) < len(PEOPLE)
    assert set(vendor.written.tags["gold"]) == {one.external_id for one in NOW}
