"""What somebody or something wants of an activation, and what became of it.

Not here: how it is done (`run.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from orchestration.activation.named import Cause
from orchestration.gates.results import Override, Result

Ending = Literal["sent", "nothing", "dry_run", "closed", "failed"]


@dataclass(frozen=True)
class Wish:
    """`at` is the moment that it is for, aware UTC; `by` is who asks. Without `send` nothing leaves the house. `causes`
    are sent beside those of the activation. `withdraw` takes back all that was sent, `replace` starts anew at a
    destination that can. Where nobody looks (`automatic`), data have to be fresh at `at`; somebody who asks by hand
    gets the members of the last run, as that run found its data."""

    at: datetime
    by: str
    send: bool = False
    override: Override | None = None
    causes: tuple[Cause, ...] = ()
    withdraw: bool = False
    replace: bool = False
    source_run: str | None = None
    automatic: bool = False
    doing: Callable[[str], None] = field(default=lambda _: None, compare=False)


@dataclass(frozen=True)
class Outcome:
    """`said` is one sentence; `counts` are numbers by name (`members`, `added`, `removed`, `unchanged`,
    `without_identifier`, `without_consent`, `held_back`, `calls`, ...), `details` whatever else is worth keeping,
    without people."""

    ending: Ending
    said: str
    counts: Mapping[str, int]
    gates: tuple[Result, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
