"""Trying many things of which some may fail: what is noted, what is said, and when trying on makes no sense.

Not here: what is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.errors import BudgetSpent, ConnectorError, CredentialsRefused, NotAllowed, VendorBusy
from connectors.landing_writer import LandingFolder
from connectors.notes import Note

Doing = Callable[[str], None]
_HOPELESS = (CredentialsRefused, NotAllowed, BudgetSpent)


@dataclass(frozen=True)
class Wrote:
    """What one success left: rows by file, the chief one first, and what the vendor reports beside it.

    `accepted` says who took what a gate refuses, and why.
    """

    rows: dict[str, int]
    reported: int | None = None
    remark: str | None = None
    accepted: str | None = None


@dataclass(frozen=True)
class Tried:
    """One thing that a pull tried, `wrote` if it succeeded, else `error`. `title` is what the vendor calls it."""

    table: str
    key: str
    name: str
    wrote: Wrote | None = None
    error: str | None = None
    title: str = ""


Told = Callable[[Tried], None]
"""Hears of each thing as soon as it was tried."""


def nobody(tried: Tried) -> None:
    """Does not listen."""


@dataclass
class Report:
    """All that a pull tried, what it left out on purpose, and remarks for whoever started it.

    `failed` is why nothing could be tried at all.
    """

    tried: list[Tried] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failed: str | None = None

    @property
    def failures(self) -> list[str]:
        """One sentence for each thing that failed."""
        return [*([self.failed] if self.failed else []), *(one.error for one in self.tried if one.error)]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "written": [
                {"file": file, "key": one.key, "name": one.name, "rows": rows, "reported": one.wrote.reported}
                for one in self.tried
                if one.wrote
                for file, rows in one.wrote.rows.items()
            ],
            "failed": [
                *([{"reason": self.failed}] if self.failed else []),
                *({"table": one.table, "key": one.key, "reason": one.error} for one in self.tried if one.error),
            ],
            "skipped": [{"key": key, "reason": reason} for key, reason in self.skipped],
            "remarks": self.remarks,
        }


@dataclass(frozen=True)
class Attempt:
    """One thing to try: `run` does it and gives what it wrote."""

    table: str
    key: str
    name: str
    run: Callable[[], Wrote]
    title: str = ""


def try_all(
    attempts: Iterable[Attempt],
    folder: LandingFolder,
    connector: str,
    at: datetime,
    report: Report,
    doing: Doing,
    told: Told = nobody,
) -> None:
    """Tries each, adds it to the report and to the folder's notes, and tells it.

    After refused credentials, a plan that does not cover it, a spent budget, or a vendor that was busy twice in a row,
    the rest is not tried, and noted as failed for that reason.
    """
    given_up: str | None = None
    busy = 0
    for one in attempts:
        wrote: Wrote | None = None
        error: str | None = None
        if given_up:
            error = f"{connector}, {one.name}: not tried, since {given_up}"
        else:
            doing(f"{connector}: {one.name}")
            try:
                wrote = one.run()
                busy = 0
            except ConnectorError as failure:
                error = str(failure)
                busy = busy + 1 if isinstance(failure, VendorBusy) else 0
                if isinstance(failure, _HOPELESS) or busy == 2:
                    given_up = f"another failed before it: {error}"
        report.tried.append(Tried(one.table, one.key, one.name, wrote, error, one.title))
        rows = next(iter(wrote.rows.values())) if wrote else None
        folder.note(
            Note(
                connector, one.table, one.key, "done" if wrote else "failed", at, rows,
                wrote.reported if wrote else None, error or (wrote.remark if wrote else None),
                wrote.accepted if wrote else None,
            )
        )  # fmt: skip
        if wrote and wrote.remark:
            report.remarks.append(wrote.remark)
        told(report.tried[-1])
