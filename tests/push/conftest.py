"""A workspace that ran once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.orchestration.workspace import Workspace
from tests.push.place import Place, landed, placed


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return landed(tmp_path_factory.mktemp("push") / "place")


@pytest.fixture
def place(ran: Workspace, tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(ran.root, tmp_path / "place")
    with placed(Workspace(tmp_path / "place")) as made:
        yield made
