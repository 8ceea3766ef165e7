"""`python -m benchmarks`: the shared plan against one query per segment, on one machine in one run.

Prints a table and, with `--json`, the raw numbers. Exits with 1 if any segment's members differ.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.data import write_landing
from benchmarks.segments import make_segments, write_segments

GIB = 1024**3


def main() -> int:
    """Makes the data, runs both sides, compares."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--segments", type=int, default=1_000)
    parser.add_argument("--by-event", action="store_true", help="give the rival rows in event order")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it (default: a temporary one)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
        return compare(chosen.keep, chosen)
    with tempfile.TemporaryDirectory(prefix="segments-bench-") as folder:
        return compare(Path(folder), chosen)


def compare(folder: Path, chosen: argparse.Namespace) -> int:
    """Both sides one after the other, each in a process of its own."""
    console = Console(stderr=True)
    landing, segments = folder / "landing", make_segments(chosen.segments)
    if not landing.exists():
        console.print(f"making {chosen.events:,} events of {chosen.users:,} users")
        write_landing(landing, chosen.users, chosen.events)
    write_segments(segments, folder / "segments")
    (folder / "queries.json").write_text(json.dumps({one.name: one.sql for one in segments}))
    console.print(f"{chosen.segments:,} segments by the shared plan")
    ours = _side(folder, "ours", landing, folder / "segments")
    console.print(f"{chosen.segments:,} queries by hand")
    rival = _side(folder, "rival", landing, folder / "queries.json", *(["by_event"] if chosen.by_event else []))
    different = [one.name for one in segments if ours["members"].get(one.name) != rival["members"].get(one.name)]
    stages = ours["seconds"]
    # Both start from typed rows that are stored already and end with every member as a stored row.
    computed = stages["conditions"] + stages["membership"]
    prepared = stages["load"] + stages["tiles"] + computed
    result = {
        "machine": f"{platform.machine()}, {platform.system()}, DuckDB {duckdb.__version__}, 2 threads",
        "users": chosen.users, "events": chosen.events, "segments": chosen.segments,
        "members": sum(users for users, _ in ours["members"].values()),
        "ours_seconds": stages, "ours_computed": computed, "ours_peak_gib": ours["peak_bytes"] / GIB,
        "rival_prepare_seconds": rival["prepare_seconds"], "rival_seconds": rival["seconds"],
        "rival_peak_gib": rival["peak_bytes"] / GIB,
        "ratio": rival["seconds"] / computed,
        "ratio_from_files": (rival["prepare_seconds"] + rival["seconds"]) / prepared,
        "different": different,
    }  # fmt: skip
    if chosen.json:
        print(json.dumps(result))
    else:
        _show(result)
    return 1 if different else 0


def _side(folder: Path, module: str, *arguments: Path | str) -> dict[str, Any]:
    out = folder / f"{module}.json"
    out.with_suffix(".duckdb").unlink(missing_ok=True)
    paths, words = (
        [str(one) for one in arguments if isinstance(one, Path)],
        [one for one in arguments if isinstance(one, str)],
    )
    subprocess.run([sys.executable, "-m", f"benchmarks.{module}", *paths, str(out), *words], check=True)
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def _show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['segments']:,} segments, {result['events']:,} events, {result['users']:,} users")
    for column in ("", "seconds", "peak memory"):
        table.add_column(column, justify="left" if not column else "right")
    stages = result["ours_seconds"]
    for stage in ("load", "tiles", "conditions", "membership", "write"):
        table.add_row(f"shared plan: {stage}", f"{stages[stage]:.1f}", "")
    peaks = [f"{result[f'{side}_peak_gib']:.1f} GiB" for side in ("ours", "rival")]
    table.add_row("shared plan: conditions and membership", f"{result['ours_computed']:.1f}", peaks[0])
    table.add_row("by hand: typed tables", f"{result['rival_prepare_seconds']:.1f}", "")
    table.add_row("by hand: one query per segment", f"{result['rival_seconds']:.1f}", peaks[1])
    console = Console()
    console.print(table)
    console.print(f"{result['machine']}; {result['members']:,} memberships, {len(result['different'])} segments differ")
    console.print(f"[bold]{result['ratio']:.1f} times as fast[/bold], {result['ratio_from_files']:.1f} from files on")


if __name__ == "__main__":
    sys.exit(main())
