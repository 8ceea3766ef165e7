"""The dbt project as it runs: a working copy under the workspace's home, with the compiled plan inside.

The source tree stays as it was checked out, so two workspaces (or a test and a person) never share generated files.
Not here: what the plan says (`segmentation/plan`), and Dagster's way of calling dbt (`assets/dbt_models.py`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.files import write_if_changed
from orchestration.settings import DBT_SOURCE, Settings

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PLAN_MODELS = Path("models/plan")
GENERATED = "-- Compiled from the segment definitions; edits are overwritten by the next run.\n"
JINJA = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
DBT_OWN = {"target", "logs", "dbt_packages"}


class DbtFailed(RuntimeError):
    """A dbt command failed; the message is its first error in one sentence, `node` the model or test at fault."""

    def __init__(self, message: str, node: str | None = None) -> None:
        super().__init__(message)
        self.node = node


@dataclass(frozen=True)
class Built:
    """One finished dbt node: a model or a test, its status, and seconds."""

    name: str
    status: str
    seconds: float


def sync_project(project: Path) -> None:
    """Brings the working copy up to the checkout; the compiled plan and dbt's own folders are left alone."""
    wanted = {
        file.relative_to(DBT_SOURCE)
        for file in DBT_SOURCE.rglob("*")
        if file.is_file() and not DBT_OWN & set(file.relative_to(DBT_SOURCE).parts)
    }
    for relative in wanted:
        write_if_changed(project / relative, (DBT_SOURCE / relative).read_bytes())
    for top in ("models", "macros", "tests"):
        for file in (project / top).rglob("*.*"):
            relative = file.relative_to(project)
            compiled = relative.parent == PLAN_MODELS and file.suffix == ".sql"
            if relative not in wanted and not compiled and not file.name.startswith("."):
                file.unlink(missing_ok=True)


def write_plan(project: Path, models: Mapping[str, str]) -> None:
    """Writes the compiled models; only what changed is touched, so that dbt re-parses little."""
    folder = project / PLAN_MODELS
    for name, sql in models.items():
        write_if_changed(folder / f"{name}.sql", (GENERATED + sql).encode())
    for file in folder.glob("*.sql"):
        if file.stem not in models:
            file.unlink()


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What the profile reads."""
    return {
        "SEGMENTS_HOME": str(settings.home),
        "SEGMENTS_TARGET": settings.target,
        "DBT_PROFILES_DIR": str(settings.project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def dbt(
    settings: Settings,
    command: str,
    select: Sequence[str] = (),
    variables: Mapping[str, object] | None = None,
    on_node: Callable[[Built], None] | None = None,
    flags: Sequence[str] = (),
    manifest: Manifest | None = None,
) -> list[Built]:
    """Runs a dbt command in this process and returns its finished nodes. Raises DbtFailed.

    `manifest` is what `parsed` returned, if the project is as it was then.
    """
    from dbt.cli.main import dbtRunner  # 3 s to import

    arguments = _arguments(settings, command)
    if select:
        arguments += ["--select", *select]
    if command != "parse":  # the manifest is what Dagster loads; a run beside it leaves it alone
        arguments.append("--no-write-json")
    arguments += ["--vars", json.dumps(dict(variables or {})), *flags]
    with with_environment(dbt_environment(settings)), _silenced():
        result = dbtRunner(manifest, [_reporter(on_node)] if on_node else []).invoke(arguments)
    nodes = [
        Built(one.node.name, str(one.status), one.execution_time) for one in getattr(result.result, "results", []) or []
    ]
    if not result.success:
        raise _failure(result)
    return nodes


def parsed(settings: Settings) -> Manifest:
    """The project as dbt understands it, without touching the warehouse. Raises DbtFailed."""
    from dbt.cli.main import dbtRunner

    with with_environment(dbt_environment(settings)), _silenced():
        result = dbtRunner().invoke([*_arguments(settings, "parse"), "--no-write-json", "--vars", "{}"])
    if not result.success:
        raise _failure(result)
    return result.result  # type: ignore[return-value]  # what a parse returns


def put_into(manifest: Manifest, models: Mapping[str, str]) -> bool:
    """Gives models of a parsed project other SQL, which takes no time, where parsing again would take half a second.

    False, and nothing is changed, if the new SQL refers to other models or is configured in another way.
    """
    nodes = {node.name: node for node in manifest.nodes.values() if str(node.resource_type) == "model"}
    if any(
        name not in nodes or JINJA.findall(nodes[name].raw_code) != JINJA.findall(sql) for name, sql in models.items()
    ):
        return False
    for name, sql in models.items():
        nodes[name].raw_code = sql
    return True


def _arguments(settings: Settings, command: str) -> list[str]:
    where = ["--project-dir", str(settings.project), "--profiles-dir", str(settings.project)]
    return ["--quiet", "--log-level", "none", command, *where, "--target", settings.target]


def _failure(result: object) -> DbtFailed:
    exception = getattr(result, "exception", None)
    if exception is not None:
        return DbtFailed(" ".join(str(exception).split()))
    bad = [one for one in result.result.results if str(one.status) in ("error", "fail")]  # type: ignore[attr-defined]
    first = bad[0]
    message = in_one_line(str(first.message or first.status))
    return DbtFailed(f"{first.node.name}: {message}", first.node.name)


def in_one_line(message: str) -> str:
    """A message of dbt without line ends; of a traceback of Python its last line, which says what went wrong."""
    if "Traceback (most recent call last)" in message:
        message = message.strip().splitlines()[-1]
    return " ".join(message.split())


def _reporter(on_node: Callable[[Built], None]) -> Callable[[object], None]:
    def report(event: object) -> None:
        if event.info.name in ("LogModelResult", "LogTestResult", "LogSnapshotResult"):  # type: ignore[attr-defined]
            data = event.data  # type: ignore[attr-defined]
            on_node(Built(data.node_info.node_name, data.status, data.execution_time))

    return report


@contextmanager
def with_environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for a while, for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _silenced() -> Iterator[None]:
    """dbt prints deprecations of its own dependencies; what matters comes back in the result."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
