"""The manifest of an export: a JSON file beside it that says what it is, so that whoever gets the file can check it.

It is written last: files without a manifest are not whole. Not here: checking (`verify.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.exports.cells import Rows
from orchestration.exports.collect import Collected, Standing
from orchestration.exports.request import Request
from orchestration.files import sha256_of
from orchestration.gates.results import Result
from segmentation.clock import utc_text

ENDING = ".manifest.json"
VERSION = 1
_Kinds = Mapping[str, type | tuple[type, ...]]
_NULL = type(None)
# What is read of manifests again, by whoever verifies or replaces an export.
_KINDS: _Kinds = {
    "export_no": int, "segment": str, "segment_id": int, "definition_hash": str, "as_of": str, "run_no": int,
    "exported_at": str, "exported_by": str, "format": str, "delimiter": (str, _NULL), "fields": list, "columns": list,
    "mode": str, "since": (dict, _NULL), "channel": (str, _NULL), "members": int, "dropped": dict, "rows": int,
    "sha256": (str, _NULL), "files": list, "gate_results": list,
}  # fmt: skip
_KINDS_OF_FILE: _Kinds = {"name": str, "rows": int, "bytes": int, "sha256": str}
_NAME = re.compile(r"\w[\w.-]*")  # of a file beside the manifest


@dataclass(frozen=True)
class Written:
    """A file that was written: its rows below the header, and what its bytes are."""

    path: Path
    rows: int

    def told(self) -> dict[str, Any]:
        """As the manifest tells it."""
        return {"rows": self.rows, "bytes": self.path.stat().st_size, "sha256": sha256_of(self.path)}


def tell(
    request: Request,
    standing: Standing,
    collected: Collected,
    rows: Rows,
    *,
    export_no: int,
    at: datetime,
    since: dict[str, Any] | None,
    changes: dict[str, int] | None,
    guarded: list[int],
    gates: Sequence[Result],
    files: list[dict[str, Any]],
) -> dict[str, Any]:
    """The manifest of an export, ready for JSON."""
    return {
        "version": VERSION,
        "export_no": export_no,
        "segment": standing.segment,
        "segment_id": standing.number,
        "title": standing.title,
        "kind": standing.kind,
        "status": standing.status,
        "reason": standing.reason,
        "definition_hash": standing.definition_hash,
        "as_of": utc_text(standing.as_of),
        "run_no": standing.run_no,
        "profiles_as_of": utc_text(standing.data_as_of),
        "exported_at": utc_text(at),
        "exported_by": request.by,
        "format": request.format,
        "delimiter": request.delimiter if request.format == "csv" else None,
        "is_list": request.as_list,
        "fields": list(request.header),
        "columns": [
            {"name": column.name, "type": column.kind, "empty": empty, "guarded": marked}
            for column, empty, marked in zip(rows.columns, rows.empty, guarded, strict=True)
        ],
        "mode": "delta" if request.delta else "full",
        "since": since,
        "changes": changes,
        "channel": request.channel,
        "members": collected.members,
        "dropped": dict(collected.dropped),
        "rows": rows.count,
        "sha256": files[0]["sha256"] if len(files) == 1 else None,
        "files": files,
        "gate_results": [one.told() for one in gates],
    }


def as_bytes(told: dict[str, Any]) -> bytes:
    """A manifest as it is written."""
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def parsed(content: bytes) -> dict[str, Any] | None:
    """What a manifest tells; None if it is none that can be read, or of another version."""
    try:
        told = json.loads(content)
    except ValueError:
        return None
    if not _has(told, _KINDS) or told.get("version") != VERSION:
        return None
    is_whole = (
        all(_has(file, _KINDS_OF_FILE) and _NAME.fullmatch(file["name"]) for file in told["files"])
        and all(isinstance(number, int) for number in told["dropped"].values())
        and all(_is_moment(told[name]) for name in ("as_of", "exported_at"))
    )
    return told if is_whole else None


def _has(told: Any, kinds: _Kinds) -> bool:
    return isinstance(told, dict) and all(name in told and isinstance(told[name], kind) for name, kind in kinds.items())


def _is_moment(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)  # some days are only days elsewhere
    except (ValueError, OverflowError):
        return False
    return moment.tzinfo is not None
