"""A small world: three vendors on loopback with a handful of people, a clock that stands still, and an empty folder."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import uvicorn

from connectors.budget import Ledger
from connectors.clock import ManualClock
from connectors.errors import ConnectorError
from connectors.landing_writer import LandingFolder
from connectors.pulls.attempts import Doing, Report
from connectors.pulls.audiences import Choice
from connectors.pulls.workbench import Workbench
from connectors.standin import (
    AmplitudeCohort,
    MixpanelCohort,
    StandIn,
    StandInAmplitude,
    StandInMixpanel,
    StandInNetmera,
)
from orchestration.ingest.gate import Gate
from orchestration.ingest.limits import Limits

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
DAY = date(2026, 1, 14)
MORNING = int(datetime(2026, 1, 14, 9, tzinfo=UTC).timestamp())
SECRETS = ("s3cret-of-svc", "amp-key", "s3cret-of-amp", "netmera-key")
PEOPLE = ("cust-90017", "ece@example.org", "905312345678")
ALL = Choice("")
Waiting = Callable[[str, float], None]


def event(number: int, **properties: Any) -> dict[str, Any]:
    """A raw event of Mixpanel."""
    given = {
        "time": MORNING + number, "distinct_id": f"cust-{number}", "$insert_id": f"i-{number}",
        "mp_processing_time_ms": 1000, "amount": 149.9,
    }  # fmt: skip
    return {"event": "purchase", "properties": {**given, **properties}}


def uploaded(number: int, **fields: Any) -> dict[str, Any]:
    """A raw event of Amplitude."""
    given = {
        "uuid": f"u-{number}", "event_type": "purchase", "event_time": "2026-01-14 05:00:00.123456",
        "server_upload_time": "2026-01-14 05:10:00.000000", "user_id": f"cust-{number}", "device_id": f"d-{number}",
        "amplitude_id": 356896327775 + number, "session_id": -1, "platform": "iOS",
        "event_properties": {"amount": 149.9},
    }  # fmt: skip
    return {**given, **fields}


def _mixpanel() -> StandInMixpanel:
    def member(n: int) -> dict[str, Any]:
        if n == 17:
            return {
                "$distinct_id": "cust-90017",
                "$properties": {"$email": "ece@example.org", "$phone": "+905312345678"},
            }
        return {"$distinct_id": f"cust-{n}", "$properties": {}}

    return StandInMixpanel(
        cohorts=[MixpanelCohort(41001, "PN_lapsed_30d", 2500, member)], events={DAY: [event(n) for n in range(40)]}
    )


def _amplitude() -> StandInAmplitude:
    known = {"amplitude_id": "2", "user_id": "cust-90017", "email": "ece@example.org", "phone": "+905312345678"}
    many = [{"amplitude_id": f"{n}", "user_id": f"cust-{n}"} for n in range(50)]
    return StandInAmplitude(
        cohorts=[
            AmplitudeCohort("k3vq81m", "High intent", [{"amplitude_id": "1", "user_id": ""}, known]),
            AmplitudeCohort("b1gone", "Everybody", many, large=True),
        ],
        events={"20260114T05": [uploaded(n) for n in range(6)], "20260114T17": [uploaded(9)]},
    )  # fmt: skip


def _netmera() -> StandInNetmera:
    device = {"platform": "ANDROID", "token": "push-address", "deviceModel": "Pixel 5", "pushPermitted": True}
    sent = {"platform": "ANDROID", "status": "SUCCESS", "installationId": "x", "timeStamp": MORNING * 1000,
            "msgTitle": "Hello", "msgText": "Hello Ece"}  # fmt: skip
    ece = {"msisdn": "905312345678", "email": "ece@example.org", "profile": {"age": 34}, "devices": [device]}
    results = [{**sent, "extId": f"cust-{n}"} for n in range(24)]
    results += [{**sent, "status": "FAILED", "extId": "cust-90017"}, sent]
    return StandInNetmera(
        segments={5883: ("brand", ["cust-90017", "cust-2"])},
        users={"cust-90017": ece, "cust-2": {}},
        messages=[
            {"notificationKey": 749, "status": "FINISHED", "startDate": MORNING * 1000, "endDate": MORNING * 1000,
             "stats": [], "results": results},
        ],
    )  # fmt: skip


@dataclass
class World:
    """Everything that a pull meets; `said` is what it told while it waited."""

    root: Path
    server: StandIn
    clock: ManualClock
    mixpanel: StandInMixpanel
    amplitude: StandInAmplitude
    netmera: StandInNetmera
    environ: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @property
    def bench(self) -> Workbench:
        """A new process' view: nothing is kept but what lies on disk."""
        return Workbench(
            self.environ, self.settings, LandingFolder(self.root / "landing"), Ledger(self.root / "budgets.sqlite3"),
            self.clock, self.clock.now(), lambda told: None, lambda told, seconds: self.said.append(told),
        )  # fmt: skip

    def bench_of(self, settings: object, *, doing: Doing, on_wait: Waiting, **more: object) -> Workbench:
        """The same for a command, which says what goes on by itself; with a gate whose limits nobody has changed."""
        folder = LandingFolder(self.root / "landing", Gate(Limits()))
        return replace(self.bench, doing=doing, on_wait=on_wait, folder=folder)

    def pull(self, connector: str, what: str, *, hours: float = 8, choice: Choice = ALL, **days: date) -> Report:
        """Pulls, as the command line does it."""
        bench = self.bench
        if connector == "netmera":
            return bench.pull_netmera(what, **days)
        if what == "audiences":
            return bench.pull_audiences(bench.plan_audiences(connector, choice, hours))
        wanted = {"since": DAY, "until": DAY, **days}
        return bench.pull_events(connector, bench.event_days(connector, wanted["since"], wanted["until"]))

    def told(self, connector: str, what: str) -> list[str]:
        """The sentences of a pull that fails, as a whole or in parts."""
        try:
            return self.pull(connector, what).failures
        except ConnectorError as error:
            return [str(error)]

    def rows(self, file: str) -> list[dict[str, Any]]:
        """The rows of a landing file."""
        return pq.read_table(self.root / "landing" / f"{file}.parquet").to_pylist()

    def files(self) -> dict[str, bytes]:
        """All landing files with their content, unfinished ones and notes too if there are any."""
        landing = self.root / "landing"
        kept = (path for path in landing.rglob("*") if path.is_file() and path.name[0] != "_")
        return {path.relative_to(landing).as_posix(): path.read_bytes() for path in kept}


@contextmanager
def world(root: Path, now: datetime = NOON, **settings: Any) -> Iterator[World]:
    """A world that ends with the block."""
    clock = ManualClock(now)
    mixpanel, amplitude, netmera = (
        replace(_mixpanel(), clock=clock),
        replace(_amplitude(), clock=clock),
        replace(_netmera(), clock=clock),
    )
    with StandIn([mixpanel, amplitude, netmera]) as server:
        environ = {
            "MIXPANEL_URL": server.url, "MIXPANEL_EXPORT_URL": server.url, "MIXPANEL_USERNAME": "svc",
            "MIXPANEL_SECRET": "s3cret-of-svc", "MIXPANEL_PROJECT_ID": "77",
            "AMPLITUDE_URL": server.url, "AMPLITUDE_API_KEY": "amp-key", "AMPLITUDE_SECRET_KEY": "s3cret-of-amp",
            "NETMERA_URL": server.url, "NETMERA_API_KEY": "netmera-key",
        }  # fmt: skip
        yield World(root, server, clock, mixpanel, amplitude, netmera, environ, settings)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of an application while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
