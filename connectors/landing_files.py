"""What lies in the landing area: which files, for which table, and whether one of them changed.

One folder per table under a root, which is a local folder or any fsspec URL. Files are listed and told apart here,
never opened. Not here: what is inside a file, and which files were read before (orchestration/landing/).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import fsspec

Format = Literal["parquet", "csv", "jsonl"]

TABLES = (
    "users",
    "events",
    "devices",
    "consents",
    "blacklist",
    "messages",
    "message_events",
    "audiences",
    "audience_members",
)
REQUIRED_TABLES = ("users", "events")

_FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
}
# What object stores call the token that changes with the content, most trustworthy first.
_TOKENS = ("etag", "ETag", "md5Hash", "crc32c", "content_md5", "generation", "LastModified", "last_modified", "created")


class LandingError(ValueError):
    """The landing area cannot be read as it is; the message is one sentence that says what to change where."""


@dataclass(frozen=True)
class LandingFile:
    """One file of one table. `url` is an absolute path for a local file; `fingerprint` changes with the content."""

    table: str
    url: str
    format: Format
    size: int
    fingerprint: str


class Listing(NamedTuple):
    """The files that count, sorted by url, and what lies beside them and does not."""

    files: list[LandingFile]
    ignored: list[str]


def list_landing(root_url: str) -> list[LandingFile]:
    """The files of all tables, sorted by url. Raises LandingError as `look_into` does."""
    return look_into(root_url).files


def look_into(root_url: str, required: Iterable[str] = REQUIRED_TABLES) -> Listing:
    """The files of all tables, and the rest: unknown tables, unknown endings, deeper folders.

    What is still being written, or is somebody's note (names that begin with a dot or an underscore, or end with
    `.tmp`), is in neither list. Raises LandingError if the root is missing, or has no file of a required table.
    """
    filesystem, root = fsspec.url_to_fs(root_url)
    local = "file" in _protocols(filesystem)
    root = os.path.abspath(root) if local else root.rstrip("/")
    if not filesystem.exists(root):
        raise LandingError(f"there is no landing area at {root_url}, expected a folder with users and events")
    files: list[LandingFile] = []
    ignored: list[str] = []
    for path, info in sorted(filesystem.find(root, maxdepth=2, withdirs=True, detail=True).items()):
        parts = path.removeprefix(root).strip("/").split("/")
        if any(part.startswith((".", "_")) or part.endswith(".tmp") for part in parts):
            continue
        if info["type"] == "directory":
            if len(parts) == 2 or parts[0] not in ("", *TABLES):
                ignored.append("/".join(parts) + "/")
            continue
        table, format_ = _table_and_format(parts)
        if table is None or format_ is None:
            if len(parts) == 1 or parts[0] in TABLES:  # the rest is said once, by its folder
                ignored.append("/".join(parts))
            continue
        url = path if local else filesystem.unstrip_protocol(path)
        files.append(LandingFile(table, url, format_, int(info["size"]), _fingerprint(filesystem, path, info, local)))
    for table in required:
        if all(file.table != table for file in files):
            raise LandingError(
                f"{root_url} has no files of the table {table}, expected {table}/*.parquet, *.csv or *.jsonl"
            )
    return Listing(sorted(files, key=lambda file: file.url), ignored)


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _table_and_format(parts: list[str]) -> tuple[str | None, Format | None]:
    """`events/2026-01-01.csv` and `events.csv` are files of the table events."""
    name = parts[-1]
    ending = next((ending for ending in sorted(_FORMATS, key=len, reverse=True) if name.endswith(ending)), None)
    if ending is None or len(parts) > 2:
        return None, None
    table = parts[0] if len(parts) == 2 else name.removesuffix(ending)
    return (table if table in TABLES else None), _FORMATS[ending]


def _fingerprint(filesystem: Any, path: str, info: dict[str, Any], local: bool) -> str:
    if local:
        stat = os.stat(path)
        return f"{stat.st_size}-{stat.st_mtime_ns}"
    token = next((info[name] for name in _TOKENS if info.get(name) is not None), None)
    return f"{info['size']}-{filesystem.ukey(path) if token is None else token}"
