"""Runs that sensors ask for. Not here: when (the sensors)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from orchestration.activation.named import Activation
from orchestration.gates.results import Override
from orchestration.names import AS_OF_TAG, activation_step, segment_key
from orchestration.recalculation import day_of
from orchestration.settings import Settings


def recalculation(
    settings: Settings, names: Iterable[str], now: datetime, *, run_key: str, tags: Mapping[str, str], seconds: int
) -> dg.RunRequest:
    """A run of these segments as of now, which ends after so many seconds even if its process died."""
    tags = {AS_OF_TAG: now.isoformat(), "dagster/max_runtime": str(seconds), **tags}
    return of_segments(settings, names, now, run_key=run_key, tags=tags)


def of_segments(
    settings: Settings, names: Iterable[str], moment: datetime, *, run_key: str, tags: Mapping[str, str]
) -> dg.RunRequest:
    """A run of these segments on the day of a moment; what it stands for is a tag's business.

    The same `run_key` is run once, even if the daemon dies before it knows that it asked.
    """
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[segment_key(name) for name in names],
        partition_key=day_of(moment, settings).isoformat(),
        tags=tags,
    )


def to_activate(
    activations: Iterable[Activation], *, send: bool, override: Override | None = None, also: Iterable[str] = ()
) -> dict[str, Any]:
    """The configuration of a run of these activations, as `ActivationConfig` reads it."""
    config: dict[str, Any] = {"send": send, "also": list(also)}
    if override is not None:
        config |= {"override_by": override.by, "override_reason": override.reason}
    return {"ops": {step: {"config": config} for step in sorted({activation_step(one.to) for one in activations})}}
