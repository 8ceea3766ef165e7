"""Which segments make a plan fail when it runs, found by halves, so that they fail alone.

Compiling finds what cannot be computed; what only the engine finds out, with the data in front of it, ends up here.
It costs a few seconds per probe, and only ever runs after a failure.
Not here: what becomes of the segments found (`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestration.dbt_runner import DbtFailed, dbt, write_plan
from orchestration.settings import Settings
from segmentation.plan.compile import Plan

PLAN_NODES = (
    *("event_tiles", "person_events", "user_profiles", "user_conditions", "live_moments"),
    *("predicted_segments", "prediction_features", "prediction_weights", "prediction_scores", "prediction_quality"),
)


def culprits(settings: Settings, names: Sequence[str], plan_of: Callable[[Sequence[str]], Plan]) -> dict[str, str]:
    """Segments whose own conditions fail to run, with the engine's reason; `plan_of` compiles some of them alone.

    Empty if each half runs by itself: then the failure was not a segment's.
    """
    found: dict[str, str] = {}
    waiting = [list(names)]
    while waiting:
        some = waiting.pop()
        reason = _reason(settings, plan_of(some))
        if reason is None:
            continue
        if len(some) == 1:
            found[some[0]] = f"failed at run time: {reason}"
        else:
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
    return found


def _reason(settings: Settings, plan: Plan) -> str | None:
    write_plan(settings.project, plan.models)
    try:
        dbt(settings, "run", PLAN_NODES)
    except DbtFailed as failure:
        return str(failure)[:500]
    return None
