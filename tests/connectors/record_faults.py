"""Records what people see of each fault: `python -m tests.connectors.record_faults` writes docs/faults.md anew.

Each is a call of `segments pull` on the small world, after everything was pulled well once. Not here: the faults
(faults.yml, webhook_faults.yml) and what has to hold of them (test_faults.py).
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml
from click.testing import CliRunner

from connectors.accounts import members_of
from connectors.clock import ManualClock
from connectors.landing_writer import LandingFolder
from connectors.standin import MixpanelSender
from connectors.standin.sender import Faults, Post
from connectors.webhooks.held import Held
from connectors.webhooks.service import Doors, service
from orchestration.audiences import look_at_audiences
from orchestration.cli import main
from orchestration.ingest.attempts import read_attempts
from orchestration.landing.load import load_landing
from orchestration.settings import ROOT
from segmentation.language.folder import load_folder
from tests.connectors.given import COMPUTED, WORLDS
from tests.connectors.world import DAY, NOON, World, serving, world

PAGE = ROOT / "docs" / "faults.md"
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("faults.yml").read_text(encoding="utf-8"))
PUSHES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("webhook_faults.yml").read_text(encoding="utf-8")
)
SHOWN = "data/landing"  # where people have what lies in a temporary folder here
HEADINGS = {
    ("mixpanel", "audiences"): "Mixpanel, cohorts",
    ("mixpanel", "events"): "Mixpanel, events",
    ("amplitude", "audiences"): "Amplitude, cohorts",
    ("amplitude", "events"): "Amplitude, events",
    ("netmera", "users"): "Netmera, users",
    ("netmera", "audiences"): "Netmera, segments",
    ("netmera", "messages"): "Netmera, messages",
}
INTRO = """# Faults of vendors

What goes wrong at a vendor, what is asked of it then, what `segments pull` prints, and what stays. Recorded against the
stand-in by `.venv/bin/python -m tests.connectors.record_faults`; a test holds the page to what comes of it today.

Before each of these calls the same was pulled well. Gates have the limits that come with the checkout. Pauses before
another attempt pass in no time here; on a machine they last as [connectors.md](connectors.md) says, and where nothing
is on a terminal, a long one is said on stderr now and then, as in some of these. *Segment* is a connector segment of a
cohort of the vendor, as the next run finds it.
"""
WEBHOOKS = """## Mixpanel, pushed cohorts

Mixpanel posts a cohort of seven members in pages of three to `segments webhooks`; then two leave and one comes.
"""


@dataclass(frozen=True)
class Recorded:
    """What a call came to: `told` is stderr without words about pauses, `written` and `before` are landing files."""

    told: list[str]
    exit_code: int
    calls: list[str]
    written: list[str]
    before: dict[str, bytes]
    after: dict[str, bytes]
    everything: str
    block: str


def record(case: dict[str, Any], root: Path) -> Recorded:
    """Plays one fault."""
    connector, what = case["pull"]
    with world(root, **case.get("settings", {})) as here:
        here.amplitude.cohorts = [replace(one, computed=COMPUTED) for one in here.amplitude.cohorts]
        assert here.pull(connector, what).failures == []
        here.clock.sleep(3600)
        stand_in = getattr(here, connector)
        for name, value in case.get("set", {}).items():
            if name == "busy":
                for field, given in value.items():
                    setattr(stand_in.faults.busy, field, given)
            else:
                setattr(stand_in.faults, name, value)
        WORLDS.get(case.get("given", ""), lambda here: None)(here)
        here.environ.update(case.get("environ", {}))
        stand_in.calls.clear()
        before = here.files()
        command = ["pull", connector, what]
        if what == "events":
            command += ["--since", DAY.isoformat(), "--until", DAY.isoformat()]
        elif connector == "amplitude":
            command += ["--even-unchanged"]
        done = CliRunner().invoke(main, command, obj=here.bench_of, prog_name="segments")
        landing = str(here.root / "landing")
        said, complained = (text.replace(landing, SHOWN) for text in (done.stdout, done.stderr))
        written = re.findall(rf"^{SHOWN}/(\S+): ", said, re.MULTILINE)
        after = here.files()
        told = [line for line in complained.splitlines() if not re.search(r" \(in [^)]+\)$", line)]
        noted = (here.root / "landing" / "_pulls.jsonl").read_text(encoding="utf-8")
        lines = [
            f"### {case['title']}",
            "",
            f"`segments {' '.join(command)}` {_asked(stand_in.calls)} and ended with exit code {done.exit_code}.",
            "",
            "```text",
            *(said + complained).splitlines(),
            "```",
            "",
            _landing(written, before, after),
        ]
        if what == "events" and written:
            first = min((row["ts"] for row in here.rows(written[0].removesuffix(".parquet"))), default=None)
            lines[-1] += f" Its first event happened at {first:%Y-%m-%d %H:%M} UTC." if first else ""
        if what == "audiences" and connector != "netmera":
            lines[-1] += f" Segment: {_segment(here, connector)}"
        block = "\n".join(lines) + "\n"
        return Recorded(
            told, done.exit_code, list(stand_in.calls), written, before, after, said + complained + noted, block
        )


def _asked(calls: list[str]) -> str:
    if not calls:
        return "asked nothing"
    times = {1: "once", 2: "twice"}
    counted = [f"{call} {times.get(number, f'{number} times')}" for call, number in Counter(map(_call, calls)).items()]
    return f"asked for {', '.join(counted)}"


def _call(path: str) -> str:
    """A call in a word; the steps of Amplitude's download have ids of their own in their paths."""
    steps = re.sub(r"/api/5/cohorts/request/[^/]+/file", "file", path)
    steps = re.sub(r"/api/5/cohorts/(request(-status)?)/[^/]+", r"\1", steps)
    return re.sub(r"/api/\d/", "", steps)


def _landing(written: list[str], before: dict[str, bytes], after: dict[str, bytes]) -> str:
    kept = [name for name in before if name not in written and after.get(name) == before[name]]
    gone = [name for name in before if name not in after]
    assert not gone, "no pull takes a file away"
    stay = "1 file stays as it was" if len(kept) == 1 else f"{len(kept)} files stay as they were"
    if not written:
        return f"Landing: {stay}."
    named = "1 file is written anew" if len(written) == 1 else f"{len(written)} files are written anew"
    return f"Landing: {named}{f', {stay}' if kept else ''}."


def _segment(here: World, connector: str) -> str:
    """What a run would say of a segment of the vendor's first cohort."""
    cohort = {"mixpanel": "41001", "amplitude": "k3vq81m"}[connector]
    folder = here.root / "segments"
    folder.mkdir(exist_ok=True)
    (folder / "one.yml").write_text(f"name: one\nconnector: {{{connector}: {{cohort: '{cohort}'}}}}\n", "utf-8")
    landing = here.root / "landing"
    (landing / "users.jsonl").write_text('{"user_id": "cust-90017"}\n', "utf-8")
    (landing / "events.jsonl").write_text('{"user_id": "cust-90017", "event": "visit", "ts": "2026-01-14"}\n', "utf-8")
    with duckdb.connect() as con:
        load_landing(con, str(landing))
        meant = look_at_audiences(con, load_folder(folder).definitions, read_attempts(str(landing), here.clock.now()))
    if "one" in meant.failed:
        return f"`failed`, {meant.failed['one']}."
    if "one" in meant.older:
        return f"`stale`, {meant.older['one']}."
    return "`ready`."


@dataclass(frozen=True)
class Pushed:
    """What two syncs came to: answers, how many members each left in the landing area, and what the notes say."""

    statuses: list[int]
    landed: list[int | None]
    everything: str
    block: str


def record_pushes(case: dict[str, Any], root: Path) -> Pushed:
    """Plays one fault of the sender, with a receiver that lands nothing by itself."""
    folder, clock = LandingFolder(root / "landing"), ManualClock(NOON)
    held = Held(root / "webhooks.sqlite3", folder)
    app = service(held, Doors(("mix", "p:w"), None), members_of("mixpanel", {}), clock, land_every=3600)
    posts: list[Post] = []
    landed: list[int | None] = []
    with serving(app) as url:
        sender = MixpanelSender(f"{url}/mixpanel", "mix", "p:w", page_size=3, faults=Faults(**case["set"]))
        for ids in ("abcdefg", "cdefgh"):
            came = sender.sync([f"cust-{one}" for one in ids])
            posts += came
            held.land(clock.now() + timedelta(minutes=len(landed) + 1))
            landed.append(folder.rows("audience_members", "mixpanel-41001"))
            if any(one.status != 200 for one in came):
                break  # the vendor begins anew later
    answers = ", ".join(f"{one.action} {one.session} page {one.page} of {one.pages}: {one.status}" for one in posts)
    notes = [f"{note['outcome']}, {note.get('rows')} members" for note in folder.notes()]
    lines = [
        f"### {case['title']}",
        "",
        f"{len(posts)} posts were answered: {answers}.",
        "",
        f"Landing: {' members, then '.join(str(one) for one in landed)} members. Notes: {'; '.join(notes)}.",
    ]
    noted = (folder.root / "_pulls.jsonl").read_text(encoding="utf-8")
    return Pushed([one.status for one in posts], landed, answers + noted, "\n".join(lines) + "\n")


def page() -> str:
    """The whole page."""
    parts = [INTRO]
    for pull, heading in HEADINGS.items():
        parts.append(f"## {heading}\n")
        for case in CASES:
            if tuple(case["pull"]) == pull:
                with tempfile.TemporaryDirectory() as root:
                    parts.append(record(case, Path(root)).block)
    parts.append(WEBHOOKS)
    for case in PUSHES:
        with tempfile.TemporaryDirectory() as root:
            parts.append(record_pushes(case, Path(root)).block)
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
