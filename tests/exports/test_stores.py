"""Stores on loopback: a file appears whole or not at all whatever breaks on the way, and refusals are sentences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import (
    BadAnswer,
    ConnectorError,
    CredentialsRefused,
    NotAllowed,
    NotConfigured,
    VendorBusy,
)
from orchestration.exports.stores import Store, opened
from segmentation.language.export_places import place_of
from tests.exports.files import a_manifest
from tests.exports.servers import KEY, PASSWORD, S3Server, SftpServer, s3_server, sftp_server

NAME = "7_gold_20260115T000000Z.csv"
MANIFEST = f"{NAME}.manifest.json"
OLD, NEW = b"external_id\r\n1\r\n", b"external_id\r\n" + b"2\r\n" * 200_000
TOLD = a_manifest(NAME)
Open = Callable[..., AbstractContextManager[Store]]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def sftp_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture
def sftp(sftp_for_all: SftpServer) -> SftpServer:
    sftp_for_all.well()
    return sftp_for_all


def open_store(url: str, workplace: Path, environ: Mapping[str, str], pauses: list[float] | None = None) -> Any:
    waited = pauses if pauses is not None else []
    return opened(place_of(url, workplace), workplace, environ, waited.append)


def put(store: Store, content: bytes) -> None:
    """A whole export of one file."""
    store.clear("7_gold_")
    store.draft(NAME).write_bytes(content)
    try:
        store.bring([NAME], lambda _: None)
        store.put([NAME], MANIFEST, TOLD)
    except BaseException:
        store.abandon("7_gold_")
        raise


def test_what_is_brought_has_no_name_before_all_is_there(s3: S3Server, sftp: SftpServer, tmp_path: Path):
    for url, environ in (("s3://exports/named", s3.environ), (f"{sftp.url}/named/deep", sftp.environ)):
        with open_store(url, tmp_path, environ) as store:
            store.clear("7_gold_")
            store.draft(NAME).write_bytes(NEW)
            store.bring([NAME], lambda _: None)
            assert (store.read(NAME), store.told(MANIFEST)) == (None, None)
            store.put([NAME], MANIFEST, TOLD)
            assert (store.read(NAME), store.read(MANIFEST)) == (NEW, TOLD)
            assert not store.fetch("another", tmp_path / "another")
            sizes = {NAME: len(NEW), MANIFEST: 1, "another": 1}
            assert [store.has(name, size, "") for name, size in sizes.items()] == [True, False, False]
            assert store.fetch(NAME, tmp_path / "fetched")
            assert (tmp_path / "fetched").read_bytes() == NEW
            put(store, OLD)  # in the place of the first
            assert (store.read(NAME), store.told(MANIFEST)) == (OLD, json.loads(TOLD))
    assert [key for key in s3.objects() if key.startswith("named/")] == [f"named/{NAME}", f"named/{MANIFEST}"]
    assert sorted(file.name for file in (sftp.root / "exports/named/deep").iterdir()) == [NAME, MANIFEST]
    assert s3.uploads() == []


def test_parts_of_the_export_that_is_replaced_go_with_it(s3: S3Server, sftp: SftpServer, tmp_path: Path):
    parts = ["7_gold_part1of2.csv", "7_gold_part2of2.csv"]
    for url, environ in (("s3://exports/parts", s3.environ), (f"{sftp.url}/parts", sftp.environ)):
        with open_store(url, tmp_path, environ) as store:
            store.clear("7_gold_")
            for part in parts:
                store.draft(part).write_bytes(OLD)
            store.bring(parts, lambda _: None)
            store.put(parts, MANIFEST, a_manifest(*parts))
            put(store, NEW)
            assert [store.read(name) for name in (*parts, NAME)] == [None, None, NEW]


def test_a_large_file_goes_in_parts_and_comes_back_the_same(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    content = bytes(range(256)) * 45_000  # the store takes no part below 5 MiB but the last
    monkeypatch.setattr("orchestration.exports.s3.PART", 5 << 20)
    told: list[str] = []
    with open_store("s3://exports/large", tmp_path, s3.environ) as store:
        store.clear("7_gold_")
        store.draft(NAME).write_bytes(content)
        store.bring([NAME], told.append)
        store.put([NAME], MANIFEST, TOLD)
        assert store.read(NAME) == content
    assert told == [f"sending {NAME}, {percent} of 11.5 MB" for percent in ("46%", "91%", "100%")]
    assert s3.client.head_object(Bucket="exports", Key=f"large/{NAME}")["ETag"].endswith('-3"')


@pytest.mark.parametrize("at", ["s3", "sftp"])
def test_a_connection_that_breaks_is_tried_again_and_nothing_is_twice(
    s3: S3Server, sftp: SftpServer, tmp_path: Path, at: str
):
    server, url = (s3, "s3://exports/cut") if at == "s3" else (sftp, sftp.url + "/cut")
    pauses: list[float] = []
    with open_store(url, tmp_path, server.environ) as store:
        put(store, OLD)
    server.wire.cuts[:] = [300_000, 300_000]  # of two connections
    with open_store(url, tmp_path, server.environ, pauses) as store:
        put(store, NEW)
        assert (store.read(NAME), server.wire.cuts) == (NEW, [])
    assert pauses == ([] if at == "s3" else [2, 4])  # the library for S3 tries again by itself
    assert s3.uploads() == []


@pytest.mark.parametrize("at", ["s3", "sftp"])
def test_a_connection_that_never_holds_leaves_the_last_good_export(
    s3: S3Server, sftp: SftpServer, tmp_path: Path, at: str
):
    server, url = (s3, "s3://exports/gone") if at == "s3" else (sftp, sftp.url + "/gone")
    with open_store(url, tmp_path, server.environ) as store:
        put(store, OLD)
    server.wire.cut, before = 300_000, server.wire.connections
    with (
        pytest.raises(VendorBusy, match=r"^(s3|sftp)://.*: no connection, or none that holds"),
        open_store(url, tmp_path, server.environ) as store,
    ):
        put(store, NEW)
    server.wire.cut = None
    assert server.wire.connections - before < 100  # tried again, and not for ever
    with open_store(url, tmp_path, server.environ) as store:
        assert (store.read(NAME), store.read(MANIFEST)) == (OLD, TOLD)
        store.clear("7_gold_")
    assert s3.uploads() == []
    if at == "sftp":
        assert sorted(file.name for file in (sftp.root / "exports/gone").iterdir()) == [NAME, MANIFEST]


def test_what_exports_that_died_left_is_removed_by_the_next_of_that_segment(
    s3: S3Server, sftp: SftpServer, tmp_path: Path
):
    for key in ("died/7_gold_1.csv", "died/7_gold_2.csv", "died/77_gold_1.csv", "elsewhere/7_gold_1.csv"):
        s3.begin(key)
    with open_store("s3://exports/died", tmp_path, s3.environ) as store:
        store.clear("7_gold_")
    assert s3.uploads() == ["died/77_gold_1.csv", "elsewhere/7_gold_1.csv"]
    for key in s3.uploads():
        with open_store("s3://exports/" + key.partition("/")[0], tmp_path, s3.environ) as store:
            store.clear("7")
    folder = sftp.root / "exports/died"
    folder.mkdir()
    for name in (".7_gold_1.csv.tmp", ".77_gold_1.csv.tmp", ".7_gold_1.csv.swp", "7_gold_1.csv"):
        (folder / name).touch()
    with open_store(sftp.url + "/died", tmp_path, sftp.environ) as store:
        store.clear("7_gold_")
    assert sorted(file.name for file in folder.iterdir()) == [".77_gold_1.csv.tmp", ".7_gold_1.csv.swp", "7_gold_1.csv"]


def fails(url: str, environ: Mapping[str, str], workplace: Path) -> ConnectorError:
    """What an export says that fails."""
    with pytest.raises(ConnectorError) as error, open_store(url, workplace, environ) as store:
        put(store, NEW)
    said = str(error.value)
    assert "\n" not in said
    assert not any(secret in said for secret in (PASSWORD, KEY["AWS_SECRET_ACCESS_KEY"], KEY["AWS_ACCESS_KEY_ID"]))
    return error.value


def test_a_bucket_that_is_not_there_is_told_before_anything_is_done(s3: S3Server, tmp_path: Path):
    error = fails("s3://another-bucket/a", s3.environ, tmp_path)
    assert (type(error), str(error)) == (
        NotConfigured, "s3://another-bucket, connecting: there is no such bucket"
    )  # fmt: skip


def test_a_key_that_may_only_write_is_enough(s3: S3Server, tmp_path: Path):
    environ = s3.key_that_may("s3:PutObject", "s3:AbortMultipartUpload")
    with s3.strict(), open_store("s3://exports/drop", tmp_path, environ) as store:
        put(store, NEW)
        assert store.told(MANIFEST) is None  # nobody may look
    assert (s3.content(f"drop/{NAME}"), s3.content(f"drop/{MANIFEST}")) == (NEW, TOLD)


def test_a_key_that_may_do_nothing_and_one_that_is_none_are_told_apart(s3: S3Server, tmp_path: Path):
    nobody, unknown = s3.key_that_may(), {**s3.environ, "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}
    with s3.strict():
        refused = fails("s3://exports/drop", nobody, tmp_path)
        unheard = fails("s3://exports/drop", unknown, tmp_path)
    assert (type(refused), type(unheard)) == (NotAllowed, CredentialsRefused)
    assert "AccessDenied" in str(refused)
    assert "AKIAUNKNOWN" not in str(unheard)


def test_a_store_nobody_listens_at_is_told(tmp_path: Path):
    error = fails("s3://exports/a", {**KEY, "SEGMENTS_S3_ENDPOINT": "http://127.0.0.1:9"}, tmp_path)
    assert isinstance(error, VendorBusy)


@pytest.mark.parametrize(
    ("changed", "kind", "sentence"),
    [
        ({"SEGMENTS_SFTP_PASSWORD": "wrong"}, CredentialsRefused, "we are not let in; look at SEGMENTS_SFTP_USER"),
        ({"SEGMENTS_SFTP_PASSWORD": ""}, NotConfigured, "expected SEGMENTS_SFTP_USER, and SEGMENTS_SFTP_PASSWORD or"),
        ({"SEGMENTS_SFTP_KEY_FILE": "/nowhere"}, NotConfigured, "SEGMENTS_SFTP_KEY_FILE names no file"),
        ({"SEGMENTS_SFTP_KNOWN_HOSTS": "/nowhere"}, NotConfigured, "is not in /nowhere; if its owner says that it is"),
    ],
)
def test_whoever_is_not_let_in_learns_which_variable_says_so(
    sftp: SftpServer, tmp_path: Path, changed: dict[str, str], kind: type[Exception], sentence: str
):
    error = fails(sftp.url, {**sftp.environ, **changed}, tmp_path)
    assert isinstance(error, kind)
    assert sentence in str(error)


def test_a_key_file_opens_as_well(sftp: SftpServer, tmp_path: Path):
    key = str(sftp.root.parent / "key")
    with open_store(
        f"{sftp.url}/by_key", tmp_path, {**sftp.environ, "SEGMENTS_SFTP_PASSWORD": "", "SEGMENTS_SFTP_KEY_FILE": key}
    ) as store:
        put(store, OLD)
    assert (sftp.root / "exports/by_key" / NAME).read_bytes() == OLD


def test_a_server_with_another_key_than_the_known_one_gets_nothing(sftp: SftpServer, tmp_path: Path):
    import asyncssh

    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    hosts = tmp_path / "hosts"
    hosts.write_text(f"[127.0.0.1]:{sftp.wire.port} {other}")
    error = fails(sftp.url, {**sftp.environ, "SEGMENTS_SFTP_KNOWN_HOSTS": str(hosts)}, tmp_path)
    assert isinstance(error, CredentialsRefused)
    assert "since somebody else may be answering" in str(error)
    assert hosts.read_text().count("\n") == 1  # nothing was learned


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        ({"read_only": True}, NotAllowed, "SEGMENTS_SFTP_USER may not do this (read only)"),
        ({"full_after": 100_000}, BadAnswer, "of 600,013 bytes arrived; its disk may be full"),
        ({"renames": False}, NotAllowed, "SEGMENTS_SFTP_USER may not do this (files are not renamed here)"),
    ],
)
def test_a_server_that_refuses_a_step_keeps_the_last_good_file(
    sftp: SftpServer, tmp_path: Path, fault: dict[str, Any], kind: type[Exception], sentence: str
):
    with open_store(f"{sftp.url}/refused", tmp_path, sftp.environ) as store:
        put(store, OLD)
    for word, value in fault.items():
        setattr(sftp, word, value)
    error = fails(f"{sftp.url}/refused", sftp.environ, tmp_path)
    assert isinstance(error, kind)
    assert sentence in str(error)
    folder = sftp.root / "exports/refused"
    assert [(file.name, file.read_bytes()) for file in sorted(folder.iterdir())] == [(NAME, OLD), (MANIFEST, TOLD)]
