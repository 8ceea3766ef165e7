"""dbt's manifest, from which Dagster knows the models: parsed when the project changed, without touching data.

Not here: running models.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from orchestration.dbt_runner import PLAN_MODELS, dbt, sync_project, write_plan
from orchestration.settings import Settings
from segmentation.clock import Clock
from segmentation.plan.compile import compile_plan

STAMP = "parsed.sha256"


def ensure_manifest(settings: Settings) -> Path:
    """The manifest of the working copy, parsed anew if any file but the compiled plan changed."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.home / "manifest.lock"):  # not the one of recalculations, which may be held for long
        return _ensure(settings)


def _ensure(settings: Settings) -> Path:
    sync_project(settings.project)
    # A plan of an earlier version may lack models that others refer to; which there are depends on no definition.
    empty = compile_plan({}, Clock(datetime(2000, 1, 1, tzinfo=UTC), settings.zone), {}).models
    if {file.stem for file in (settings.project / PLAN_MODELS).glob("*.sql")} != set(empty):
        write_plan(settings.project, empty)
    manifest, stamp = settings.project / "target" / "manifest.json", settings.project / "target" / STAMP
    wanted = fingerprint(settings.project)
    if not manifest.exists() or not stamp.exists() or stamp.read_text() != wanted:
        dbt(settings, "parse")
        stamp.write_text(wanted)
    return manifest


def fingerprint(project: Path) -> str:
    """Of everything in the project that was written by people."""
    digest = hashlib.sha256()
    for top in ("models", "macros", "tests", "dbt_project.yml", "profiles.yml"):
        root = project / top
        for file in sorted([root] if root.is_file() else root.rglob("*.*")):
            if file.name.startswith("."):
                continue
            if file.parent.relative_to(project) != PLAN_MODELS or file.suffix != ".sql":
                digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
