"""Files that appear whole or not at all.

Not here: where they lie and what is in them.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_if_changed(file: Path, content: bytes) -> None:
    """Writes a file atomically unless it has this content already."""
    if file.exists() and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")  # others may read the file meanwhile
    temporary.write_bytes(content)
    temporary.replace(file)
