"""One copy of the dbt project for all tests of the folder, so that it is parsed once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from tests.landing.workspace import Workspace

SOURCE = Path(__file__).parents[2] / "dbt_project"


@pytest.fixture(scope="session")
def dbt_project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """What stands alone and what dbt parsed from it: the plan is compiled, and matching reads what a run writes."""
    project = tmp_path_factory.mktemp("dbt_project")
    for path in ("dbt_project.yml", "profiles.yml", "macros/generate_schema_name.sql"):
        (project / path).parent.mkdir(exist_ok=True)
        shutil.copy(SOURCE / path, project / path)
    for folder in ("macros/staging", "models/staging", "models/identity"):
        shutil.copytree(SOURCE / folder, project / folder, ignore=shutil.ignore_patterns("matching"))
    with pytest.MonkeyPatch.context() as patch:
        # The manifest holds the catalogue's name, which every warehouse shares, but not its folder.
        patch.setenv("SEGMENTS_HOME", str(project))
        where = ["--project-dir", str(project), "--profiles-dir", str(project)]
        parsed = dbtRunner().invoke(["--quiet", "parse", *where])
    assert parsed.success, parsed.exception
    return project, parsed.result


@pytest.fixture
def workspace(tmp_path: Path, dbt_project: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SEGMENTS_HOME", str(tmp_path))
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    monkeypatch.delenv("SEGMENTS_TARGET", raising=False)
    ours = Workspace(tmp_path, *dbt_project)
    ours.landing.mkdir()
    return ours
