"""A past run once more, from its manifest: whether the same files and rules give the members that were recorded.

It runs in a warehouse that is thrown away, with the models of today. What rests on something that no file tells any
more is not computed again, and its recorded members stand in for those who read it.
Not here: the manifest itself (`manifests.py`), and what is copied from the workspace's warehouse (`stand_ins.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from connectors.landing_files import LandingFile
from orchestration import state
from orchestration.audiences import look_at_audiences, write_strategies
from orchestration.dbt_runner import Built, dbt, sync_project, write_plan
from orchestration.history.code import code_of_this_process
from orchestration.history.inputs import LISTS, FileRead, hash_file
from orchestration.history.manifests import Manifest, manifest_of
from orchestration.history.stand_ins import COMPARED, Recorded, copy_over, recorded_in
from orchestration.ingest.attempts import Attempts
from orchestration.landing import load_landing
from orchestration.matching import Matching
from orchestration.published import NothingPublished
from orchestration.recalculation import compile_for
from orchestration.settings import Settings
from orchestration.warehouse import aware, connect, has_table, naive
from segmentation.clock import LATEST
from segmentation.language.folder import Folder, load_texts
from segmentation.plan.system import with_system


@dataclass(frozen=True)
class Comparison:
    """One segment: how many members are recorded and how many come out now; `entering` are only in the latter,
    `leaving` only in the former, and some of their ids by choice."""

    segment: str
    recorded: int
    recomputed: int
    entering: int
    leaving: int
    entering_users: tuple[str, ...] = ()
    leaving_users: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether exactly the same users are in."""
        return not self.entering and not self.leaving


@dataclass(frozen=True)
class Verification:
    """What came of it. `not_recomputed` and `failed` say why in one sentence by segment; files are urls: those whose
    content is another by now, those that are gone, and those that an erasure has rewritten since."""

    run_no: int
    as_of: datetime
    compared: tuple[Comparison, ...]
    not_recomputed: Mapping[str, str]
    failed: Mapping[str, str]
    changed_files: tuple[str, ...]
    gone_files: tuple[str, ...]
    erased_files: tuple[str, ...]
    is_same_code: bool

    @property
    def is_equal(self) -> bool:
        """Whether all that could be computed again came out as it was recorded."""
        return not self.failed and all(one.is_equal for one in self.compared)


def verify(
    settings: Settings,
    run_no: int | None = None,
    moment: datetime | None = None,
    *,
    users: int = 0,
    on_node: Callable[[Built], None] | None = None,
) -> Verification:
    """Computes a run again: that of a number, or the last one up to a moment, or the last of all. Shows up to `users`
    ids on each side of a difference.

    Raises NothingPublished, WarehouseBusy, LandingError, DbtFailed, and ValueError if there is no such run, or none
    with a manifest.
    """
    with tempfile.TemporaryDirectory(prefix="segments-verify-") as home:
        away = replace(settings, home=Path(home), target="duckdb")
        if not settings.warehouse.exists():  # opening would create it
            raise NothingPublished(settings)
        with connect(settings.warehouse) as connection:
            manifest = _manifest(connection, settings, run_no, moment)
            folder = _folder(manifest)
            recorded = recorded_in(connection, manifest, folder)
            copy_over(connection, away.warehouse, manifest, recorded)
        files, changed, gone = _files(manifest)
        failed = _recompute(_as_then(away, manifest), manifest, folder, recorded, files, on_node)
        with connect(away.warehouse) as connection:
            compared = _compare(connection, sorted(recorded.recomputed - set(failed)), recorded.slots, users)
    return Verification(
        run_no=manifest.run_no,
        as_of=manifest.as_of,
        compared=tuple(compared),
        not_recomputed=recorded.reasons,
        failed=failed,
        changed_files=tuple(changed),
        gone_files=tuple(gone),
        erased_files=tuple(one.url for one in manifest.inputs.files if one.is_erased),
        is_same_code=manifest.inputs.code.get("sources") == code_of_this_process().sources,
    )


def _manifest(
    connection: duckdb.DuckDBPyConnection, settings: Settings, run_no: int | None, moment: datetime | None
) -> Manifest:
    if not has_table(connection, "raw", "runs"):
        raise NothingPublished(settings)
    until = naive(moment or LATEST)
    row = connection.execute(
        "select max(run_no) from raw.runs where is_published and mode = 'present'"
        " and case when $run is null then as_of <= $until else run_no = $run end",
        {"run": run_no, "until": until},
    ).fetchone()
    if row is None or row[0] is None:
        if run_no is not None:
            raise ValueError(f"there is no published run {run_no}")
        if moment is not None:
            raise ValueError(f"no run was published up to {moment.astimezone(UTC).isoformat()}")
        raise NothingPublished(settings)
    manifest = manifest_of(connection, row[0])
    if manifest is None:
        raise ValueError(f"run {row[0]} is one of an earlier version, which kept no manifests")
    return manifest


def _folder(manifest: Manifest) -> Folder:
    """The definitions as the run read them, built-in ones included."""
    texts = {one.file: one.text for one in manifest.inputs.definitions}
    return with_system(load_texts(texts), manifest.inputs.settings["events"])


def _as_then(settings: Settings, manifest: Manifest) -> Settings:
    """The settings that decided who is in."""
    then = manifest.inputs.settings
    matching = {name: Matching(strategies=tuple(ways)) for name, ways in then["strategies"].items()}
    return replace(settings, zone=ZoneInfo(then["zone"]), events=then["events"], matching=matching)


def _files(manifest: Manifest) -> tuple[list[LandingFile], list[str], list[str]]:
    """The landing files of the manifest that are still there; urls of those that differ, and of the rest."""
    found, changed, gone = [], [], []
    for one in manifest.inputs.files:
        if one.table == LISTS:
            continue
        file = _landing_file(one)
        try:
            _, sha256 = hash_file(file)
        except OSError:
            gone.append(one.url)
            continue
        found.append(file)
        if sha256 != one.sha256:
            changed.append(one.url)
    return found, changed, gone


def _landing_file(one: FileRead) -> LandingFile:
    return LandingFile(one.table, one.url, one.format, one.size, one.fingerprint)  # type: ignore[arg-type]  # as landed


def _recompute(
    settings: Settings,
    manifest: Manifest,
    folder: Folder,
    recorded: Recorded,
    files: list[LandingFile],
    on_node: Callable[[Built], None] | None,
) -> dict[str, str]:
    """Leaves members in the throw-away warehouse; one sentence for each segment that fails now."""
    definitions = folder.definitions
    sync_project(settings.project)
    with connect(settings.warehouse) as connection:
        state.prepare_schema(connection)
        load_landing(connection, settings.landing, full=True, files=files)
        write_strategies(connection, settings.matching)
        unfit = look_at_audiences(connection, definitions, _accepted(manifest)).failed
    wanted = set(recorded.recomputed) - set(unfit)
    plan = compile_for(settings, definitions, manifest.as_of, recorded.slots, wanted, set(recorded.stored), None)
    write_plan(settings.project, plan.models)
    dbt(settings, "run", ["+segment_members_now"], on_node=on_node)
    return {**plan.failed, **{name: why for name, why in unfit.items() if name in recorded.recomputed}}


def _accepted(manifest: Manifest) -> Attempts:
    pulls = manifest.inputs.settings["accepted_pulls"]
    return Attempts(accepted={(one, key, aware(datetime.fromisoformat(at))) for one, key, at in pulls})


def _compare(
    connection: duckdb.DuckDBPyConnection, names: list[str], slots: Mapping[str, int], users: int
) -> list[Comparison]:
    connection.execute(
        f"""
        create temp table sides as
        select segment_no, person_no, r.person_no is not null as was, n.person_no is not null as is_now
        from {COMPARED} as r full join state.segment_members_now as n using (segment_no, person_no)
        """
    )
    found = []
    for name in names:
        counts = connection.execute(
            "select count(*) filter (where was), count(*) filter (where is_now),"
            " count(*) filter (where not was), count(*) filter (where not is_now) from sides where segment_no = ?",
            [slots[name]],
        ).fetchone()
        assert counts is not None
        ids = [_ids(connection, slots[name], side, users) for side in ("not was", "not is_now")]
        found.append(Comparison(name, *counts, *ids))
    return found


def _ids(connection: duckdb.DuckDBPyConnection, segment_no: int, side: str, users: int) -> tuple[str, ...]:
    rows = connection.execute(
        "select id from sides join staging.people using (person_no)"
        f" where segment_no = ? and {side} order by id limit ?",
        [segment_no, users],
    ).fetchall()
    return tuple(id_ for (id_,) in rows)
