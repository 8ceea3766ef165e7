"""What is sent to one place goes one call after the other, whoever calls.

Not here: what was sent (in the same folder), and the lock of recalculations (`orchestration/warehouse.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.files import locked

SENT = "sent"  # in SEGMENTS_HOME: what was sent, and a lock, of each stream


def sent_folder(home: Path) -> Path:
    """Where what was sent is remembered; nobody else may read it."""
    folder = home / SENT
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(home: Path, stream: str, doing: Callable[[str], None]) -> Iterator[None]:
    """Keeps others from a stream; `doing` hears once if somebody else has it first."""
    waiting = "waiting for the same activation, which is under way"
    with locked(sent_folder(home) / f"{stream}.lock", lambda: doing(waiting)):
        yield
