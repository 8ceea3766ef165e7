"""What is held of pushed audiences: pages until a session is whole, members from then on, in one SQLite file.

A session of Mixpanel takes effect when its last page is here, all of it at once; a message that comes again changes
nothing; a session that was left half done when a newer one began is over. Audiences that changed are landed as whole
files, apart from receiving, as vendors wait a second or two for their answer and no longer.
Not here: HTTP (service.py), and what messages mean (messages.py).
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.errors import ConnectorError, ShortRead
from connectors.landing_writer import LandingFolder
from connectors.notes import Note
from connectors.pulls.audiences import Audience, file_name, write_audience
from connectors.webhooks.messages import Batch, Page

_TABLES = """
create table if not exists audiences (
    connector text, audience_id text, name text, description text, source_updated_at text,
    complete integer, -- whether a full copy or a pull lies beneath, and not only differences
    changed integer, -- changes since it was landed
    landed_at text, landing_at text, -- fetched_at of our last file, and of the one that was last begun
    based_on text, -- when Amplitude had computed the pull that lies beneath
    primary key (connector, audience_id));
create table if not exists members (
    connector text, audience_id text, user_id text, email text, msisdn text, properties text,
    primary key (connector, audience_id, user_id)) without rowid;
create table if not exists sessions (
    audience_id text, session text, action text, pages integer, state text, -- open, applied, dropped
    primary key (audience_id, session, action));
create table if not exists pages (
    audience_id text, session text, action text, page integer, members text,
    primary key (audience_id, session, action, page));
create table if not exists messages (
    number integer primary key, message_id text unique, audience_id text, entered integer, computed text, members text,
    at text);
"""
_MESSAGES_KEPT = timedelta(days=7)
_SESSIONS_KEPT = 200  # per cohort


class Superseded(Exception):
    """A page of a session that was dropped for a newer one: the vendor has to send its change again."""


class Held:
    """The file of one workspace. May be used from several threads."""

    def __init__(self, file: Path, folder: LandingFolder) -> None:
        self._file, self._folder = file, folder
        self._lock = threading.RLock()
        self._told: dict[tuple[str, str], str | None] = {}  # why an audience could not be landed, said once
        file.parent.mkdir(parents=True, exist_ok=True)
        self._con = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        self._con.execute("pragma journal_mode = wal")
        self._con.executescript(_TABLES)

    def page(self, page: Page) -> bool:
        """Takes a page of Mixpanel; True if it made its session whole. Raises Superseded for a dropped session."""
        key = (page.audience_id, page.session, page.action)
        with self._transaction():
            # Whichever session speaks up last is the newest: their names have no order.
            known = dict(self._con.execute(
                "select action, state from sessions where audience_id = ? and session = ?", key[:2]
            ).fetchall())  # fmt: skip
            if "dropped" in known.values():
                raise Superseded
            if known.get(page.action) == "applied":
                return False
            if not known:
                self._drop_other_sessions(page.audience_id, page.session)
            self._con.execute("insert or replace into sessions values (?, ?, ?, ?, 'open')", [*key, page.pages])
            members = json.dumps([astuple(one) for one in page.members])
            self._con.execute("insert or replace into pages values (?, ?, ?, ?, ?)", [*key, page.page, members])
            count = self._con.execute(
                "select count(*) from pages where audience_id = ? and session = ? and action = ? and page <= ?",
                [*key, page.pages],
            ).fetchone()[0]
            if count < page.pages:
                return False
            self._apply(page)
            return True

    def _drop_other_sessions(self, audience_id: str, session: str) -> None:
        self._con.execute(
            "update sessions set state = 'dropped' where audience_id = ? and session <> ? and state = 'open'",
            [audience_id, session],
        )
        self._con.execute("delete from pages where audience_id = ? and session <> ?", [audience_id, session])

    def _apply(self, page: Page) -> None:
        key = [page.audience_id, page.session, page.action]
        if page.action == "members":
            self._con.execute("delete from members where connector = 'mixpanel' and audience_id = ?", key[:1])
        rows = self._con.execute(
            "select members from pages where audience_id = ? and session = ? and action = ? order by page", key
        ).fetchall()
        for (members,) in rows:
            self._change("mixpanel", page.audience_id, json.loads(members), page.action != "remove_members")
        self._con.execute("delete from pages where audience_id = ? and session = ? and action = ?", key)
        self._con.execute(
            "update sessions set state = 'applied' where audience_id = ? and session = ? and action = ?", key
        )
        self._con.execute(
            "delete from sessions where audience_id = ? and rowid not in"
            " (select rowid from sessions where audience_id = ? order by rowid desc limit ?)",
            [page.audience_id, page.audience_id, _SESSIONS_KEPT],
        )
        self._touch("mixpanel", page.audience_id, page.name, page.description, None, page.action == "members")

    def batch(self, batch: Batch, now: datetime) -> bool:
        """Takes a message of Amplitude; False if it came before, or says what a later pull knew already.

        Amplitude never sends a full copy: differences go onto what a pull has landed, if one has.
        """
        computed = batch.computed.isoformat()
        rows = [astuple(one) for one in batch.members]
        with self._transaction():
            self._con.execute("delete from messages where at < ?", [(now - _MESSAGES_KEPT).isoformat()])
            self._take_over_a_pull(batch.audience_id)
            new = self._con.execute(
                "insert or ignore into messages values (null, ?, ?, ?, ?, ?, ?)",
                [batch.message_id, batch.audience_id, batch.entered, computed, json.dumps(rows), now.isoformat()],
            ).rowcount
            based_on = self._con.execute(
                "select based_on from audiences where connector = 'amplitude' and audience_id = ?", [batch.audience_id]
            ).fetchone()
            if not new or based_on is not None and computed < (based_on[0] or ""):
                return False
            self._change("amplitude", batch.audience_id, rows, batch.entered)
            self._touch("amplitude", batch.audience_id, batch.name, "", batch.computed, False)
            return True

    def _take_over_a_pull(self, audience_id: str) -> None:
        """If a pull has landed this audience since we did, its members take the place of ours, and what came since it
        was computed goes onto them."""
        name = file_name("amplitude", audience_id)
        pulled = self._folder.first_row("audiences", name)
        if pulled is None:
            return
        fetched = pulled["fetched_at"].isoformat()
        held = self._con.execute(
            "select landed_at, landing_at from audiences where connector = 'amplitude' and audience_id = ?",
            [audience_id],
        ).fetchone()
        if held is not None and fetched in held:
            return
        self._con.execute("delete from members where connector = 'amplitude' and audience_id = ?", [audience_id])
        columns = ["connector_user_id", "email", "msisdn", "properties"]
        with pq.ParquetFile(self._folder.path("audience_members", name)) as file:
            for rows in file.iter_batches(columns=columns):
                members = [tuple(row.values()) for row in rows.to_pylist() if row["connector_user_id"]]
                self._change("amplitude", audience_id, members, True)
        computed: datetime = pulled["source_updated_at"] or pulled["fetched_at"]
        since = self._con.execute(
            "select members, entered, computed from messages where audience_id = ? and computed >= ? order by number",
            [audience_id, computed.isoformat()],
        ).fetchall()
        for members_text, entered, _ in since:
            self._change("amplitude", audience_id, json.loads(members_text), bool(entered))
        newest = max([computed.isoformat(), *(one[2] for one in since)])
        self._con.execute(
            "insert or replace into audiences values ('amplitude', ?, ?, ?, ?, 1, ?, ?, null, ?)",
            [audience_id, pulled["name"], pulled["description"], newest, len(since), fetched, computed.isoformat()],
        )

    def _change(self, connector: str, audience_id: str, members: list[Any], into: bool) -> None:
        if into:
            self._con.executemany(
                "insert or replace into members values (?, ?, ?, ?, ?, ?)",
                [(connector, audience_id, *one) for one in members],
            )
        else:
            self._con.executemany(
                "delete from members where connector = ? and audience_id = ? and user_id = ?",
                [(connector, audience_id, one[0]) for one in members],
            )

    def _touch(
        self, connector: str, audience_id: str, name: str, description: str, updated: datetime | None, complete: bool
    ) -> None:
        self._con.execute(
            "insert into audiences values (?, ?, ?, ?, ?, ?, 1, null, null, null) on conflict do update set"
            " name = excluded.name, description = excluded.description, source_updated_at ="
            " max(coalesce(source_updated_at, ''), excluded.source_updated_at),"
            " complete = max(complete, excluded.complete), changed = changed + 1",
            [connector, audience_id, name, description, updated and updated.isoformat(), int(complete)],
        )

    def land(self, now: datetime) -> list[Note]:
        """Writes every audience that changed as whole files; what fails stays marked, and is tried next time.

        Gives what it added to the folder's notes: a reason is said once, however often it comes in a row.
        """
        with self._lock:
            changed = self._con.execute(
                "select connector, audience_id from audiences where changed order by connector, audience_id"
            ).fetchall()
        notes = []
        for connector, audience_id in changed:
            try:
                rows = self._land(connector, audience_id, now)
                note = Note(connector, "audience_members", audience_id, "done", now, rows, rows)
            except (ConnectorError, OSError) as error:
                told = str(error) if isinstance(error, ConnectorError) else f"{connector}: {error.strerror}"
                note = Note(connector, "audience_members", audience_id, "failed", now, reason=told)
            if note.reason is None or self._told.get((connector, audience_id)) != note.reason:
                self._folder.note(note)
                notes.append(note)
            self._told[connector, audience_id] = note.reason
        return notes

    def _land(self, connector: str, audience_id: str, now: datetime) -> int:
        key = [connector, audience_id]
        with self._folder.alone(connector, "audiences"):
            with self._transaction():
                if connector == "amplitude":
                    self._take_over_a_pull(audience_id)
                self._refuse_to_shrink(connector, audience_id)
                self._con.execute(
                    "update audiences set landing_at = ? where connector = ? and audience_id = ?",
                    [now.isoformat(), *key],
                )
            # A view of its own onto one state, so that messages are taken in while a large audience is written.
            with closing(sqlite3.connect(self._file, isolation_level=None)) as con:
                con.execute("begin")
                name, description, updated, changed = con.execute(
                    "select name, description, source_updated_at, changed from audiences"
                    " where connector = ? and audience_id = ?",
                    key,
                ).fetchone()
                computed = datetime.fromisoformat(updated) if updated else None
                members = partial(_rows, con, connector, audience_id)
                audience = Audience(audience_id, name, description, None, computed, members)
                rows = write_audience(connector, audience, self._folder, now, lambda told: None).reported or 0
            with self._transaction():
                self._con.execute(
                    "update audiences set changed = changed - ?, landed_at = ? where connector = ? and audience_id = ?",
                    [changed, now.isoformat(), *key],
                )
        return rows

    def _refuse_to_shrink(self, connector: str, audience_id: str) -> None:
        """Differences alone make no audience where a pull has landed a much larger one."""
        complete, landed_at = self._con.execute(
            "select complete, landed_at from audiences where connector = ? and audience_id = ?",
            [connector, audience_id],
        ).fetchone()
        before = self._folder.rows("audience_members", file_name(connector, audience_id)) or 0
        held = self._con.execute(
            "select count(*) from members where connector = ? and audience_id = ?", [connector, audience_id]
        ).fetchone()[0]
        if not complete and landed_at is None and held < before / 2:
            told = f"{held:,} members came as differences where a pull has landed {before:,}; start a full sync anew"
            raise ShortRead(connector, f"audience {audience_id}", told)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._con.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._con.execute("rollback")
                raise
            self._con.execute("commit")


def _rows(con: sqlite3.Connection, connector: str, audience_id: str) -> Iterator[dict[str, Any]]:
    found = con.execute(
        "select user_id, email, msisdn, properties from members where connector = ? and audience_id = ? order by 1",
        [connector, audience_id],
    )
    for user_id, email, msisdn, properties in found:
        yield {"connector_user_id": user_id, "email": email, "msisdn": msisdn, "properties": properties}
