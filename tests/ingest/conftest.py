"""A place, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.place import Place, a_place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as made:
        yield made
