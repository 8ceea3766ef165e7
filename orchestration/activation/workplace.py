"""Where the streams of activations keep what they need: a ledger each, a lock, and a folder while a call lasts.

Whoever must not miss anybody (`orchestration/erasure`) takes all locks, and takes them before those of exports and of
the workspace, as activations do. Not here: what stands in a ledger (`ledger.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration.activation.ledger import is_empty
from orchestration.activation.locks import SENT, sent_folder
from orchestration.files import emptied

LEDGER, READING = ".duckdb", ".reading"


def ledger_of(home: Path, stream: str) -> Path:
    """The ledger of a stream, once anything was sent."""
    return home / SENT / f"{stream}{LEDGER}"


def holding(home: Path, stream: str) -> list[str]:
    """Streams with somebody at their destination, or maybe; `stream` is a pattern such as `win_back.*`."""
    files = sorted((home / SENT).glob(f"{stream}{LEDGER}"))
    return [file.name.removesuffix(LEDGER) for file in files if not is_empty(file)]


@contextmanager
def reading_place(home: Path, stream: str) -> Iterator[Path]:
    """An empty folder for whoever holds the lock. What a call that died has left there is removed, and the folder
    itself in the end."""
    with emptied(sent_folder(home) / f"{stream}{READING}") as place:
        yield place
