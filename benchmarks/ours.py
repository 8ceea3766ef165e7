"""Our side: `segments evaluate` as anybody would call it, with its own timings per stage.

Runs as a process of its own, so that its memory is its own: `python -m benchmarks.ours LANDING SEGMENTS OUT.json`.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from benchmarks.data import AS_OF
from benchmarks.rival import FINGERPRINT
from orchestration.evaluation import evaluate
from orchestration.settings import Settings
from segmentation.language.folder import load_folder


def run(landing: Path, segments: Path, members: Path) -> dict[str, object]:
    """Seconds per stage, and of each segment the number and a fingerprint of its members."""
    settings = Settings(members.parent, str(landing), segments, ZoneInfo("UTC"))
    evaluation = evaluate(load_folder(segments), settings, AS_OF, members)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    rows = duckdb.execute(f"select segment, {FINGERPRINT} from '{members}' group by segment").fetchall()
    return {
        "seconds": dict(evaluation.seconds),
        "peak_bytes": peak,
        "members": {name: [users, mark] for name, users, mark in rows},
    }


if __name__ == "__main__":
    landing, segments, out = (Path(argument) for argument in sys.argv[1:4])
    out.write_text(json.dumps(run(landing, segments, out.with_suffix(".parquet"))))
