"""A cohort ten times as large needs no more memory: each pull runs in a process of its own, which tells its peak."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.standin import AmplitudeCohort, MixpanelCohort
from tests.connectors.world import World, world

ROOT = Path(__file__).parents[2]
PULL = """
import json, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from connectors.budget import Ledger
from connectors.clock import ManualClock
from connectors.landing_writer import LandingFolder
from connectors.pulls.audiences import Choice
from connectors.pulls.workbench import Workbench
connector, root, environ = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
clock = ManualClock(datetime(2026, 1, 15, 12, tzinfo=UTC))
quiet = lambda *told: None
bench = Workbench(environ, {}, LandingFolder(root), Ledger(root / "b.sqlite3"), clock, clock.now(), quiet, quiet)
report = bench.pull_audiences(bench.plan_audiences(connector, Choice(""), 100))
assert not report.failures, report.failures
print(next(iter(report.tried[0].wrote.rows.values())), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


class Rows(Sequence[Any]):
    """So many rows that are made when somebody looks at them."""

    def __init__(self, size: int, make: Callable[[int], Any]) -> None:
        self._size, self._make = size, make

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < self._size:
            raise IndexError
        return self._make(number)


def peak_kilobytes(here: World, connector: str, members: int, root: Path) -> int:
    """Of a process that pulls a cohort of this size."""

    def member(n: int) -> dict[str, Any]:
        return {"$distinct_id": f"customer-{n:012}", "$properties": {"$email": f"customer-{n}@example.org"}}

    def row(n: int) -> dict[str, str]:
        return {"amplitude_id": f"{n}", "user_id": f"customer-{n:012}", "email": f"customer-{n}@example.org"}

    here.mixpanel.faults.per_hour = None
    here.mixpanel.cohorts = [MixpanelCohort(1, "PN_x", members, member)]
    here.amplitude.cohorts = [AmplitudeCohort("x", "X", Rows(members, row), large=True)]
    words = [sys.executable, "-c", PULL, connector, str(root), json.dumps(here.environ)]
    rows, peak = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert int(rows) == members
    return int(peak)


@pytest.mark.long
@pytest.mark.parametrize("connector", ["mixpanel", "amplitude"])
def test_memory_does_not_grow_with_a_cohort(tmp_path: Path, connector: str) -> None:
    with world(tmp_path) as here:
        small = peak_kilobytes(here, connector, 40_000, tmp_path / "small")
        large = peak_kilobytes(here, connector, 400_000, tmp_path / "large")
    assert large < small + 40_000
