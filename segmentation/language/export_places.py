"""Where an export goes: a folder of this machine, or the URL of a folder at a store.

A URL says where and nothing else. Who we are there comes from the environment, so that no secret gets into files,
tables and messages along with a place. Not here: asking a store for anything (`orchestration/exports/stores.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

SCHEMES = ("s3", "sftp")
EXPECTED = "expected a folder, s3://bucket/prefix or sftp://host/path"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True)
class Url:
    """A folder or a file at a store. `host` is the bucket of S3; `path` has neither a slash in front nor behind."""

    scheme: str
    host: str
    port: int | None
    path: str

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}/{self.path}".rstrip("/")

    def __truediv__(self, name: str) -> Url:
        return replace(self, path=f"{self.path}/{name}".lstrip("/"))

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> Url:
        """The folder that it is in."""
        return replace(self, path=self.path.rpartition("/")[0])


Place = Path | Url


def place_of(text: str, base: Path) -> Place:
    """The place that somebody wrote; a folder that is not absolute lies in `base`.

    Raises ValueError in one sentence, which repeats nothing of a URL that may hold a secret.
    """
    if not text.strip():  # which would be the base itself
        raise ValueError(f"found {text!r}, {EXPECTED}")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if not colon or not (rest.startswith("//") or scheme in SCHEMES):
        try:
            return (base / Path(text).expanduser()).resolve()
        except RuntimeError:
            raise ValueError(f"found {text!r}, expected a folder of somebody who has a home here") from None
    if any(sign in rest for sign in "@?#"):
        raise ValueError(
            "found a URL with @, ? or # in it, expected one without a user, password or key: these come from the"
            " environment, by the names in .env.example"
        )
    if scheme not in SCHEMES or not rest.startswith("//") or not text.isprintable():
        raise ValueError(f"found {text!r}, {EXPECTED}")
    return _url(scheme, text)


def _url(scheme: str, text: str) -> Url:
    try:
        parts = urlsplit(text)
        host, port = parts.netloc, parts.port
    except ValueError:
        raise ValueError(f"found {text!r}, {EXPECTED}") from None
    if port is not None and scheme == "sftp":
        host = host.rpartition(":")[0]
    path = [part for part in parts.path.split("/") if part]
    fits = _BUCKET.fullmatch(host) if scheme == "s3" else _HOST.fullmatch(host) and path
    if not fits or {".", ".."} & set(path):
        raise ValueError(f"found {text!r}, {EXPECTED}")
    return Url(scheme, host, port, "/".join(path))
