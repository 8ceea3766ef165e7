"""A workspace in which one person is everywhere, under an id, an e-mail, a phone and an external id that nothing else
contains, and others who are nearly the same or share something.

Not here: what an erasure leaves (the tests).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.landing_writer import LandingFolder
from connectors.webhooks.held import Held
from orchestration.activation.deliveries import deliveries
from orchestration.activation.ledger import open_ledger
from orchestration.activation.locks import sent_folder
from orchestration.warehouse import connect
from tests.orchestration.workspace import Workspace

PERSON, EMAIL, PHONE, EXTERNAL = "zq17-anna", "zq17.anna@mail.test", "+905551717170", "crm-zq17"
MIXPANEL, AMPLITUDE = "mp$zq17", "amp-zq17"
TRACES = (PERSON, EMAIL, PHONE, EXTERNAL, MIXPANEL, AMPLITUDE, "905551717170")
NAMESAKE = f"{PERSON}2"

DEFINITIONS = {
    "buyers": "[{did: purchase, within: 30 days}]",
    "silent": "[{did_not: purchase, within: 30 days}]",
    "gold": "[{attribute: tier, equals: gold}]",
    "only_hers": "[{attribute: shoe, equals: '38'}]",
    "press": "list: {file: lists/press.csv}\n",
    "plain": "list: {file: lists/plain.txt}\n",
    "cohort": "connector: {mixpanel: {cohort: '7'}}\n",
    "visitors": "live: {did: visit}\n",
    "testers": "[{segment: test_users}]",
}
USERS: tuple[dict[str, Any], ...] = (
    {"user_id": PERSON, "external_id": EXTERNAL, "email": EMAIL, "msisdn": "+90 555 171-71-70", "is_test": True,
     "attributes": {"tier": "gold", "shoe": "38"}, "updated_at": "2026-03-01T00:00:00Z"},
    {"user_id": PERSON, "email": f"old.{EMAIL}", "updated_at": "2025-03-01T00:00:00Z"},
    {"user_id": NAMESAKE, "external_id": f"{EXTERNAL}2", "email": f"x{EMAIL}", "msisdn": "+905551717171",
     "attributes": {"tier": "gold"}, "updated_at": "2026-03-01T00:00:00Z"},
    {"user_id": "bea", "email": "bea@mail.test", "msisdn": "+905550000001", "attributes": {"tier": "basic"},
     "updated_at": "2026-03-01T00:00:00Z"},
    {"user_id": "cem", "external_id": "c1", "attributes": {"tier": "gold"}, "updated_at": "2026-03-01T00:00:00Z"},
)  # fmt: skip


def an_event(user_id: str, day: int, name: str = "purchase", **more: Any) -> dict[str, Any]:
    return {"event_id": f"{user_id}-{day}-{name}", "user_id": user_id, "event": name,
            "ts": f"2026-03-{day:02}T10:00:00Z", **more}  # fmt: skip


def build(root: Path) -> Workspace:
    """The workspace after two runs."""
    workspace = Workspace(root)
    landing = root / "landing"
    workspace.settings  # noqa: B018  # makes the folders
    (workspace.settings.segments / "lists").mkdir()
    (workspace.settings.segments / "lists/press.csv").write_text(
        f"Type,Identity\r\ng,{PERSON}\r\ni,{EMAIL.upper()}\r\ng,{NAMESAKE}\r\ng,bea\r\n", newline=""
    )
    (workspace.settings.segments / "lists/plain.txt").write_text(f"{PHONE}\n{EXTERNAL}\n{EXTERNAL}2\nc1\n")
    workspace.define(**DEFINITIONS)
    write(landing / "users/one.parquet", USERS)
    write(landing / "events/one.csv", [an_event(one, 1) for one in (PERSON, "bea", NAMESAKE)])
    write(landing / "events/two.csv.gz", [an_event("bea", 2), an_event(PERSON, 2, "visit", properties={"of": EMAIL})])
    write(landing / "events/three.jsonl", [an_event(NAMESAKE, 2, "visit"), an_event("cem", 2)])
    write(
        landing / "events/four.jsonl.gz",
        [{"source": "mixpanel", "source_user_id": MIXPANEL, "event": "purchase", "ts": "2026-03-02T11:00:00Z"},
         {"source": "mixpanel", "source_user_id": "other", "event": "purchase", "ts": "2026-03-02T11:00:00Z"},
         {"source_user_id": MIXPANEL, "event": "lost", "ts": "2026-03-02T11:00:00Z"}],
    )  # fmt: skip
    write(landing / "devices.csv", [
        {"device_id": f"phone of {one}", "user_id": one, "platform": "ios", "has_token": True, "push_permission": True}
        for one in (PERSON, NAMESAKE, "bea")
    ])  # fmt: skip
    at = "2026-03-01T00:00:00Z"
    write(landing / "consents.jsonl", [
        {"user_id": one, "channel": "email", "state": "opted_in", "at": at} for one in (PERSON, "bea")
    ])  # fmt: skip
    write(landing / "blacklist.parquet", [
        {"user_id": one, "channel": "sms", "listed": True, "at": at} for one in (PERSON, "bea")
    ])  # fmt: skip
    write(landing / "messages.jsonl", [
        {"message_id": "m1", "title": "Hello", "channel": "push", "status": "sent", "created_at": at}
    ])  # fmt: skip
    write(landing / "message_events.csv.gz", [
        {"message_id": "m1", "user_id": one, "kind": "sent", "ts": at} for one in (PERSON, "bea")
    ])  # fmt: skip
    write(landing / "audiences.jsonl", [
        {"connector": "mixpanel", "audience_id": "7", "name": "Lapsed", "reported_users": 3, "fetched_at": at}
    ])  # fmt: skip
    write(landing / "audience_members/mixpanel-7.parquet", [
        {"connector": "mixpanel", "audience_id": "7", "connector_user_id": id_, "email": email, "fetched_at": at}
        for id_, email in ((MIXPANEL, EMAIL), ("other", "bea@mail.test"), ("third", f"x{EMAIL}"))
    ])  # fmt: skip
    write(landing / "audience_members/amplitude.csv", [
        {"connector": "amplitude", "audience_id": "9", "connector_user_id": AMPLITUDE, "msisdn": PHONE,
         "fetched_at": at}
    ])  # fmt: skip
    workspace.run("2026-03-02")
    workspace.run("2026-03-03")
    beside(workspace)
    return workspace


def beside(workspace: Workspace) -> None:
    """What else a workspace holds: exports, what was pushed, a request, a log."""
    home = workspace.settings.home
    exports = home / "exports"
    exports.mkdir()
    for name, who in (("1_gold", PERSON), ("2_buyers", "bea")):
        (exports / f"{name}.csv").write_text(f"user_id;email\n{who};x\n{NAMESAKE};y\n")
        (exports / f"{name}.csv.manifest.json").write_text(json.dumps({"files": [{"name": f"{name}.csv"}]}))
    write(home / "exports_sent/abc.1.parquet", [{"c0": EMAIL, "user_id": PERSON}, {"c0": "y", "user_id": NAMESAKE}])
    write(home / "exporting/rows.parquet", [{"c0": EMAIL, "user_id": PERSON}])  # of an export that died
    held = Held(home / "webhooks.sqlite3", LandingFolder(home / "elsewhere"))
    held._con.close()
    with closing(sqlite3.connect(home / "webhooks.sqlite3")) as con:
        con.execute("insert into members values ('mixpanel', '7', ?, ?, null, '{}')", [MIXPANEL, EMAIL])
        con.execute("insert into members values ('mixpanel', '7', 'third', null, null, '{}')")
        both = json.dumps([[AMPLITUDE, None, PHONE, "{}"], ["keep", None, None, "{}"]])
        con.execute("insert into messages values (null, 'x', '9', 1, '2026', ?, '2026')", [both])
        con.commit()
    activations(home)
    (home / "requests/done").mkdir(parents=True)
    (home / "requests/done/1.json").write_text(json.dumps({"segments": ["gold"], "by": EMAIL}))
    (home / "changes.jsonl").write_text(json.dumps({"by": EMAIL, "segment": "gold"}) + "\n")


def activations(home: Path) -> None:
    """Digests of two people at an audience, what a call that died has left, and what waits for a webhook."""
    with open_ledger(sent_folder(home) / "gold.meta_1.duckdb", home, writing=True) as ledger:
        for number, who in enumerate((PERSON, NAMESAKE)):
            ledger.connection.execute(
                "insert into sent values (?, ?, ?, 'in', null, false)", [number, who, [f"#{number}"]]
            )
    write(home / "sent/gold.meta_1.reading/contacts.parquet", [{"user_id": PERSON, "email": EMAIL}])
    with deliveries(home / "sent/gold.webhook_HOOK.duckdb") as hook:
        hook._connection.execute(
            "insert into waiting by name select 1 as batch_no, unnest([1, 2]) as place, unnest(?) as user_id",
            [[PERSON, "bea"]],
        )


def write(file: Path, rows: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = list(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    plain = [{c: json.dumps(v) if isinstance(v, dict | list) else v for c, v in row.items()} for row in rows]
    if file.suffix == ".parquet":
        table = pa.Table.from_pylist([{column: row.get(column) for column in columns} for row in plain])
        pq.write_table(table, file, row_group_size=2)
        return
    if ".csv" in file.name:
        text = io.StringIO()
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(plain)
        content = text.getvalue().encode()
    else:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    file.write_bytes(gzip.compress(content) if file.name.endswith(".gz") else content)


def everything(*roots: Path) -> Iterator[tuple[Path, str]]:
    """All that any file below says: as bytes, as what is packed in it, as every cell of a Parquet file or database."""
    for file in sorted(file for root in roots for file in root.rglob("*") if file.is_file()):
        content = file.read_bytes()
        yield file, content.decode("latin-1")
        if file.suffix == ".gz":
            yield file, gzip.decompress(content).decode("utf-8", "replace")
        elif file.suffix == ".parquet":
            yield file, str(duckdb.sql(f"from read_parquet('{file}')").fetchall())
        elif file.suffix == ".duckdb":
            with connect(file) as connection:
                tables = connection.execute(
                    "select schema_name, table_name from duckdb_tables() where not internal"
                ).fetchall()
                for schema, table in tables:
                    yield file, str(connection.execute(f'from "{schema}"."{table}"').fetchall())
        elif file.suffix in (".sqlite3", ".db"):
            with closing(sqlite3.connect(file)) as con:
                yield file, "\n".join(con.iterdump())
        else:
            try:
                yield file, zlib.decompress(content).decode("utf-8", "replace")
            except zlib.error:
                continue
