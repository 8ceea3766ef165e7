"""The folder in which one export at a time prepares its rows, and the lock that goes with it.

Rows lie there after the warehouse is let go, so whoever must not miss any (`orchestration/erasure`) takes the lock as
well, and takes it before that of the workspace, as exports do. Not here: files that have a name already (`stores.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from orchestration.files import emptied

WORKPLACE = "exporting"  # in SEGMENTS_HOME, for as long as an export lasts


@contextmanager
def one_at_a_time(home: Path) -> Iterator[Path]:
    """An empty folder; waits for another export. What one that died has left there is removed, and the folder itself
    in the end."""
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "exports.lock"), emptied(home / WORKPLACE) as workplace:
        yield workplace
