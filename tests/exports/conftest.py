"""Exports of one workspace, and the stores that they go to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.exports.request import Request
from orchestration.exports.write import Export, write_export
from segmentation.language.export_fields import fields_of
from tests.exports.servers import s3_server, sftp_server
from tests.exports.shop import AT, Do, a_shop
from tests.orchestration.workspace import Workspace


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return a_shop(tmp_path_factory.mktemp("exports"))


@pytest.fixture
def export(shop: Workspace, tmp_path: Path) -> Do:
    def do(segment: str, *fields: str, **asked: Any) -> Export:
        into = asked.pop("into", tmp_path)
        return write_export(shop.settings, Request(segment, into, fields_of(fields), **asked), AT)

    return do


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, dict[str, str]]]]:
    """URLs of stores, and the variables that open them."""
    with s3_server() as s3, sftp_server(tmp_path_factory.mktemp("sftp")) as sftp:
        yield {"s3": ("s3://exports/out", s3.environ), "sftp": (sftp.url, sftp.environ)}


@pytest.fixture
def here(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGMENTS_HOME", str(shop.settings.home))
    monkeypatch.chdir(shop.root)
    return shop.root
