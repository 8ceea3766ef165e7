"""The workbench of a workspace: its landing folder, its ledger of calls, and its vendors' settings, put together once.

The command line, assets and sensors pull with the same one. Not here: what is pulled (`connectors/pulls/`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from connectors.budget import Ledger
from connectors.clock import Clock, SystemClock
from connectors.landing_writer import LandingFolder
from connectors.pulls.attempts import Told, nobody
from connectors.pulls.workbench import Workbench
from orchestration.ingest.gate import Gate
from orchestration.settings import Settings, connector_settings


def workbench(
    settings: Settings,
    *,
    doing: Callable[[str], None],
    on_wait: Callable[[str, float], None],
    environ: Mapping[str, str] = os.environ,
    into: Path | None = None,
    at: datetime | None = None,
    clock: Clock | None = None,
    gate: Gate | None = None,
    told: Told = nobody,
) -> Workbench:
    """What a pull of this workspace works with; `at` stands for the whole pull, now by default, to the second.

    `gate` is that of the settings by default, with nothing accepted; `told` hears of each thing that was tried.

    Raises ValueError in one sentence if the landing area is no folder and `into` names none.
    """
    if into is None and "://" in settings.landing:
        raise ValueError(
            f"a pull writes to a folder, and the landing area is {settings.landing}: name one by --into"
        )  # fmt: skip
    clock = clock or SystemClock()
    return Workbench(
        environ=environ,
        settings=connector_settings(),
        folder=LandingFolder((into or Path(settings.landing)).expanduser().resolve(), gate or Gate(settings.pulls)),
        ledger=Ledger(settings.budgets),
        clock=clock,
        at=(at or clock.now()).astimezone(UTC).replace(microsecond=0),
        doing=doing,
        on_wait=on_wait,
        told=told,
    )
