"""A push as a row of the landing table `messages`, so that it stands among the messages of its segment.

Until Netmera has given it a key it goes by the name of its file in the outbox, and from then on by the key, in the file
that a pull of Netmera's messages writes for it: the pull keeps the segments that it finds there.
Not here: the outbox, and what Netmera tells of a message later (connectors/pulls/netmera.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.landing_writer import SCHEMAS, LandingFolder
from connectors.pulls.netmera import message_file
from orchestration.push.outbox import Push
from orchestration.settings import Settings

TABLE = "messages"
Status = Literal["draft", "scheduled", "sent"]


def message_id(push: Push) -> str:
    """What the message goes by in the tables."""
    return push.key or f"push-{push.id}"


def show(settings: Settings, push: Push) -> None:
    """Writes the row of a message as it is known now, in place of an earlier one. Raises OSError."""
    status: Status = "draft" if push.draft else "sent" if push.key else "scheduled"
    row = {
        "message_id": message_id(push), "title": push.title, "channel": "push", "status": status,
        "created_at": push.asked_at, "sent_at": push.called_at if status == "sent" else None,
        "segments": json.dumps([push.segment]),
    }  # fmt: skip
    _write(settings, message_file(message_id(push)), row)
    if push.key:
        _remove(settings, message_file(f"push-{push.id}"))


def hide(settings: Settings, push: Push) -> None:
    """Takes the row of a message away that does not go out. Raises OSError."""
    _remove(settings, message_file(message_id(push)))


def _write(settings: Settings, name: str, row: dict[str, Any]) -> None:
    folder = _folder(settings)
    if folder is not None:
        with folder.replacing(TABLE, name) as file:
            file.write(row)
        return
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMAS[TABLE]), buffer)
    filesystem, path = fsspec.url_to_fs(f"{settings.landing.rstrip('/')}/{TABLE}/{name}.parquet")
    filesystem.pipe_file(path, buffer.getvalue().to_pybytes())


def _remove(settings: Settings, name: str) -> None:
    folder = _folder(settings)
    if folder is not None:
        folder.path(TABLE, name).unlink(missing_ok=True)
        return
    filesystem, path = fsspec.url_to_fs(f"{settings.landing.rstrip('/')}/{TABLE}/{name}.parquet")
    if filesystem.exists(path):
        filesystem.rm_file(path)


def _folder(settings: Settings) -> LandingFolder | None:
    """The landing area if it is a folder; an object store replaces files whole by itself."""
    return None if "://" in settings.landing else LandingFolder(Path(settings.landing).expanduser().resolve())
