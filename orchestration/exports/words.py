"""The words of exports that people type, in a module that loads at once.

Not here: the fields (`fields.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Format = Literal["csv", "xlsx", "parquet"]

FOLDER = "exports"  # in SEGMENTS_HOME, where files go if nothing else is said
IDENTIFIERS = ("external_id", "email", "msisdn", "user_id")
DELIMITERS: Mapping[str, str] = {
    "comma": ",", "pipe": "|", "tilde": "~", "broken-pipe": "¦", "caret": "^", "semicolon": ";"
}  # fmt: skip
LIST_COLUMNS = ("Type", "Identity")
