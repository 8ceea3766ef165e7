"""The shop after its two nights, once for all questions: asking changes nothing."""

from __future__ import annotations

import pytest

from tests.orchestration.workspace import Workspace
from tests.questions import shop


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = shop.begin(Workspace(tmp_path_factory.mktemp("questions"), shop.ZONE))
    workspace.run(shop.FIRST)
    shop.arrive(workspace)
    workspace.run(shop.SECOND)
    return workspace
