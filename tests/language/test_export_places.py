"""Where an export may go, as people write it: folders and URLs, and no secret among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from segmentation.language.export_places import Url, place_of


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket//a/", "s3://bucket/a"),
        ("sftp://host.example/out", "sftp://host.example/out"),
        ("sftp://host:2222/out/", "sftp://host:2222/out"),
        ("sftp://[::1]:22/out", "sftp://[::1]:22/out"),
    ],
)
def test_a_url_names_a_folder_at_a_store(written: str, url: str, tmp_path: Path):
    place = place_of(written, tmp_path)
    assert isinstance(place, Url)
    assert (str(place), str(place / "a.csv")) == (url, f"{url}/a.csv")
    assert (place / "a.csv").parent == place
    assert (place / "a.csv").name == "a.csv"


def test_anything_else_is_a_folder(tmp_path: Path):
    assert place_of("out", tmp_path) == tmp_path / "out"
    assert place_of("12:30", tmp_path) == tmp_path / "12:30"
    assert place_of("/out", tmp_path) == Path("/out")


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ftp://host/out", "file:///out", "s3:bucket/out", "s3:/bucket/out", "s3://Bucket/out",
        "s3://bucket:9000/out", "s3:///out", "sftp://host", "sftp://host:port/out", "sftp:///out",
        "sftp://host/../out", "sftp://host/a\nb",
    ],
)  # fmt: skip
def test_what_is_no_place_is_refused(text: str, tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected a folder, s3://bucket/prefix or sftp://host/path$"):
        place_of(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "sftp://me:geheim@host/out", "s3://AKIA:geheim/key@bucket/out", "ftp://me:geheim@host/out",
        "s3://bucket/out?secret=geheim", "sftp://host/out#geheim", "sftp:geheim@host",
    ],
)  # fmt: skip
def test_a_secret_in_a_url_is_refused_and_not_repeated(text: str, tmp_path: Path):
    with pytest.raises(ValueError, match=r"^found a URL with @, \? or # in it") as error:
        place_of(text, tmp_path)
    assert "geheim" not in str(error.value)
