"""The erasure itself: what is where, and then all of it gone, in an order that can be taken up again after a crash.

Whom it is about, and which files were rewritten, stands in a note until all is done, as the files that told it are
gone by then. The log keeps who erased, when, how much, and a reference of their choice; neither the id nor a hash of
it, since whoever has a list of ids can try them all.
Not here: any single place.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.erasure import beside
from orchestration.erasure.files import Held, Rewritten, drop_drafts, held_in_landing, held_in_lists
from orchestration.erasure.find import attributes_of, find
from orchestration.erasure.person import Person
from orchestration.erasure.sent import nobody_else, sent_people
from orchestration.erasure.warehouse import erase_rows, rewrite
from orchestration.landing.copies import FOLDER as COPIES
from orchestration.landing.copies import drop_copies
from orchestration.settings import Settings
from orchestration.warehouse import connect
from segmentation.clock import utc_text

LOG = "erasures.jsonl"
NOTE = ".erasure.json"


@dataclass
class Purged:
    """What was found, or removed: rows and files by place.

    For somebody to look at: `left` are files that still name the person, `sent` are exports that told others of them,
    `activations` are those that have the person at a destination until they run again.
    """

    places: dict[str, dict[str, int]] = field(default_factory=dict)
    exports: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    activations: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, place: str, rows: int, files: int = 1) -> None:
        """Counts something; nothing is no place."""
        if rows:
            had = self.places.setdefault(place, {"rows": 0, "files": 0})
            had["rows"] += rows
            had["files"] += files


@dataclass
class _Note:
    """What has to outlive a crash."""

    erasure: str
    person: Person
    attributes: dict[str, int]
    rewritten: list[Rewritten]

    def write(self, home: Path) -> None:
        draft = home / f"{NOTE}.{os.getpid()}.tmp"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(
                {**asdict(self), "person": self.person.as_json(), "rewritten": [asdict(one) for one in self.rewritten]},
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        draft.replace(home / NOTE)

    @staticmethod
    def read(home: Path) -> _Note | None:
        try:
            said = json.loads((home / NOTE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return _Note(
            said["erasure"], Person.from_json(said["person"]), said["attributes"],
            [Rewritten(**one) for one in said["rewritten"]],
        )  # fmt: skip


def look(
    settings: Settings,
    given: Iterable[str],
    by: str = "user_id",
    source: str | None = None,
    waiting: Callable[[], None] | None = None,
) -> Purged:
    """What an erasure would remove; nothing is changed. Raises what `find` raises."""
    _refuse_remote(settings)
    with nobody_else(settings.home, waiting):
        note = _Note.read(settings.home)
        person = _whom(settings, given, by, source, note)
        purged = Purged()
        _count(purged, held_in_landing(settings, person, None), "landing/")
        _count(purged, held_in_lists(settings, person, None))
        _add_beside(purged, settings, person, really=False)
        _add_warehouse(purged, erase_rows(settings.warehouse, "", person, (), {}, really=False))
        return purged


def erase(
    settings: Settings,
    given: Iterable[str],
    by: str = "user_id",
    source: str | None = None,
    *,
    who: str,
    at: datetime,
    reference: str | None = None,
    waiting: Callable[[], None] | None = None,
) -> Purged:
    """Removes the persons given from every place, and what an erasure that died before has left undone.

    Raises what `find` raises, before anything is touched.
    """
    _refuse_remote(settings)
    # Rows that an export or an activation has collected are in no table, and would come out after the erasure.
    with nobody_else(settings.home, waiting):
        before = _Note.read(settings.home)
        person = _whom(settings, given, by, source, before)
        attributes = before.attributes if before else attributes_of(settings, person)
        note = _Note(
            before.erasure if before else secrets.token_hex(8), person, attributes, before.rewritten if before else []
        )
        note.write(settings.home)
        drop_drafts(settings)
        purged = Purged()

        def take_down(one: Rewritten) -> None:
            note.rewritten.append(one)
            note.write(settings.home)

        # Lists first: whom an e-mail in them means is told by the landing files.
        _count(purged, held_in_lists(settings, person, take_down))
        _add_beside(purged, settings, person, really=True)
        _count(purged, held_in_landing(settings, person, take_down), "landing/")
        done = erase_rows(settings.warehouse, note.erasure, person, note.rewritten, attributes, really=True)
        _add_warehouse(purged, done)
        rewrite(settings.warehouse)
        purged.left = [str(file) for file in beside.left(settings, person)]
        _log(settings.home, purged, who, at, reference)
        (settings.home / NOTE).unlink()
    return purged


def _whom(settings: Settings, given: Iterable[str], by: str, source: str | None, note: _Note | None) -> Person:
    """The persons given, and those of an erasure that died; who is in its note need not be known any more."""
    if note is None:
        return find(settings, given, by, source)
    person = note.person
    for one in given:
        if one not in person.words | person.user_ids:
            person |= find(settings, [one], by, source)
    return person


def _count(purged: Purged, held: Iterable[Held], prefix: str = "") -> None:
    for one in held:
        purged.add(f"{prefix}{one.table}", one.rows)


def _add_warehouse(purged: Purged, rows: dict[str, int]) -> None:
    for table, number in rows.items():
        purged.add(f"warehouse/{table}", number, 0)


def _add_beside(purged: Purged, settings: Settings, person: Person, *, really: bool) -> None:
    home = settings.home
    exports = list(beside.exports_with(home, person))
    purged.exports = [str(file) for file in exports]
    purged.add("exports", len(exports), len(exports))
    for file, rows in beside.sent_rows(home, person, really=really).items():
        purged.add("exports_sent", rows)
        purged.sent.append(file.stem)
    for file, rows in sent_people(home, person, really=really).items():
        purged.add("sent", rows)
        purged.activations.append(file.stem)
    if settings.warehouse.exists():
        with connect(settings.warehouse) as connection:
            purged.sent += [str(file) for file in beside.exports_elsewhere(connection, home, person)]
            purged.sent += beside.exports_at_stores(connection, person)
    if really:
        beside.remove_exports(home, exports)
        drop_copies(home / COPIES, ())  # they are fetched again when they are needed
    purged.add("webhooks", beside.held_by_webhooks(home, person, really=really))
    notes = beside.named_in_notes(home, person, really=really)
    purged.add("requests and logs", len(notes), len(notes))


def _refuse_remote(settings: Settings) -> None:
    if "://" in settings.landing:
        raise ValueError(
            f"the landing area {settings.landing} is no folder of this machine, and its files cannot be rewritten from"
            " here: remove the person there first, then erase with SEGMENTS_LANDING at a local copy of it"
        )


def _log(home: Path, purged: Purged, who: str, at: datetime, reference: str | None) -> None:
    told: dict[str, Any] = {
        "at": utc_text(at), "by": who, "reference": reference,
        "purged": purged.places, "left": len(purged.left),
    }  # fmt: skip
    with (home / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(told, ensure_ascii=False) + "\n")
        log.flush()
        os.fsync(log.fileno())
