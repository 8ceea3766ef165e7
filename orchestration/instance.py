"""The Dagster instance of a workspace: its settings file, its first opening, and every later one.

Not here: what is recorded in it (`launch.py`, the daemon).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock

from orchestration.files import write_if_changed
from orchestration.settings import ROOT, Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance


@contextmanager
def open_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The instance under `SEGMENTS_HOME/dagster`, with the settings of the checkout.

    Dagster makes the tables of a new instance when it opens it, without a lock of its own, so whoever else opens it in
    that moment would fail. Opening is therefore one at a time; what is open does not hold up others.
    """
    import dagster as dg  # 2 s

    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.home / "dagster.lock"):
        write_if_changed(settings.dagster_home / "dagster.yaml", (ROOT / "deploy" / "dagster.yaml").read_bytes())
        instance = dg.DagsterInstance.from_config(str(settings.dagster_home))
    with instance:
        yield instance
