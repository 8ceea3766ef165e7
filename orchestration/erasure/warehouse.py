"""The warehouse without a person: their rows in every table, sizes that counted them, and the bytes that rows leave.

Rows are found by what columns are called (`person_no`, `user_id`, ids of connectors), so a table that comes later needs
nothing here. Published sizes are counted from members, so each loses the person where their stays cover its run.
Reconstructed days are numbers without members, and stay. Not here: files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from orchestration.erasure.files import LISTS, Rewritten
from orchestration.erasure.person import Person
from orchestration.warehouse import connect, has_table

RESTS_ON = {  # the first of these column sets that a table has says whose its rows are
    ("person_no",): "person_no in (select person_no from erased_no)",
    ("user_no",): "user_no in (select person_no from erased_no)",
    ("user_id",): "user_id in (select id from erased where source = '')",
    ("source", "source_user_id"): "(source, source_user_id) in (select (source, id) from erased)"
    " or coalesce(source, '') = '' and source_user_id in (select id from erased where source <> '')",
    ("connector", "connector_user_id"): "(connector, connector_user_id) in (select (source, id) from erased)",
    ("source", "id"): "(source, id) in (select (source, id) from erased)",
}
DONE = "create table if not exists raw.erasures (erasure varchar primary key)"
SIGNATURE = "bit_xor(hash(file_no, row_no, key_hash, ts))"  # as models/identity/event_days.sql has it
NEW_FILE = ".warehouse.duckdb.erasing.tmp"


def erase_rows(
    file: Path,
    erasure: str,
    person: Person,
    rewritten: Iterable[Rewritten],
    attributes: Mapping[str, int],
    *,
    really: bool,
) -> dict[str, int]:
    """Rows by table that are the person's, removed in one transaction if `really`, and all that follows from it.

    `attributes` is how many of the person's landed rows had each attribute. What was done under the name of an erasure
    is not done again. Raises WarehouseBusy.
    """
    if not file.exists():  # opening would create it
        return {}
    with connect(file) as connection:
        connection.execute("begin")
        try:
            _mark(connection, person)
            found = _rows(connection, person)
            if really:
                _purge(connection, erasure, person, found, attributes)
                for one in rewritten:
                    _follow(connection, one)
                connection.execute("commit")
            else:
                connection.execute("rollback")
        except BaseException:
            connection.execute("rollback")
            raise
    return {name: rows for name, (rows, _) in found.items() if rows}


def rewrite(file: Path) -> None:
    """Writes the database anew, since a deleted row leaves its bytes in the file; takes as much disk meanwhile.

    Raises WarehouseBusy.
    """
    if not file.exists():
        return
    fresh = file.with_name(NEW_FILE)
    for left in (fresh, Path(f"{fresh}.wal")):
        left.unlink(missing_ok=True)
    with connect(file) as connection:
        connection.execute("checkpoint")
        catalog = connection.execute("select current_database()").fetchall()[0][0]
        connection.execute(f"attach '{str(fresh).replace(chr(39), chr(39) * 2)}' as fresh")
        connection.execute(f'copy from database "{catalog}" to fresh')
        connection.execute("detach fresh")
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(fresh, file)  # while nobody else can have it open
    Path(f"{file}.wal").unlink(missing_ok=True)


def _mark(connection: duckdb.DuckDBPyConnection, person: Person) -> None:
    """Leaves who it is in temporary tables: ids as they are written, and numbers."""
    connection.execute("create or replace temp table erased (source varchar, id varchar)")
    ids = [("", one) for one in person.user_ids] + list(person.source_ids)
    for schema, table, source, id_ in (
        ("staging", "people", "source", "id"),
        ("staging", "stg_audience_members", "connector", "connector_user_id"),
        ("identity", "audience_ids", "connector", "connector_user_id"),
        ("state", "id_matches_log", "connector", "connector_user_id"),
    ):
        if has_table(connection, schema, table):  # ids of connectors may be written with blanks around them
            found = connection.execute(
                f"select distinct {source}, {id_} from {schema}.{table} where {source} <> '' and {id_} is not null"
                f" and {' or '.join(['contains(' + id_ + ', ?)'] * len(person.source_ids)) or 'false'}",
                [one for _, one in person.source_ids],
            ).fetchall()
            ids += [(where, written) for where, written in found if person.is_at(where, written)]
    connection.executemany("insert into erased values (?, ?)", sorted(set(ids)))
    connection.execute("create or replace temp table erased_no (person_no uinteger)")
    if has_table(connection, "staging", "people"):
        connection.execute("insert into erased_no select person_no from staging.people join erased using (source, id)")


def _rows(connection: duckdb.DuckDBPyConnection, person: Person) -> dict[str, tuple[int, str]]:
    """How many rows of each table are theirs, and the condition that holds for them."""
    tables = connection.execute(
        "select c.schema_name, c.table_name, list(c.column_name) from duckdb_columns() as c"
        " join duckdb_tables() as t using (database_name, schema_name, table_name)"
        " where c.database_name = current_database() and not t.internal and not t.temporary group by all order by all"
    ).fetchall()
    found = {}
    for schema, table, columns in tables:
        conditions = [sql for asked, sql in RESTS_ON.items() if set(asked) <= set(columns)]
        if {"connector", "connector_user_id", "email", "msisdn"} <= set(columns):
            conditions.append(_by_address(connection, schema, table, person))
        if (schema, table) == ("staging", "quarantine"):
            conditions = [_quarantined(connection, person)]
        if (schema, table) == ("raw", "list_rows"):
            conditions = [_listed(connection, person)]
        if conditions:
            condition = " or ".join(f"coalesce({one}, false)" for one in conditions)
            counted = connection.execute(f'select count(*) from "{schema}"."{table}" where {condition}').fetchall()
            found[f"{schema}.{table}"] = (int(counted[0][0]), condition)
    return found


def _by_address(connection: duckdb.DuckDBPyConnection, schema: str, table: str, person: Person) -> str:
    """Rows of audiences that carry one of the addresses, as in the landing files."""
    name = f"by_address_{table}"
    connection.execute(f"create or replace temp table {name} (connector varchar, id varchar)")
    if person.emails or person.phones:
        said = connection.execute(
            f"select distinct connector, connector_user_id, email, msisdn from {schema}.{table}"
            " where email is not null or msisdn is not null"
        ).fetchall()
        rows = [
            [one, id_] for one, id_, email, phone in said
            if person.owns("audience_members",
                           {"connector": one, "connector_user_id": id_, "email": email, "msisdn": phone})
        ]  # fmt: skip
        if rows:
            connection.executemany(f"insert into {name} values (?, ?)", rows)
    return f"(connector, connector_user_id) in (select (connector, id) from {name})"


def _quarantined(connection: duckdb.DuckDBPyConnection, person: Person) -> str:
    said = connection.execute("select table_name, file_no, row_no, row from staging.quarantine").fetchall()
    connection.execute("create or replace temp table quarantined (t varchar, f integer, r bigint)")
    if rows := [[table, file_no, row_no] for table, file_no, row_no, row in said if person.named_in(row or "")]:
        connection.executemany("insert into quarantined values (?, ?, ?)", rows)
    return "(table_name, file_no, row_no) in (select (t, f, r) from quarantined)"


def _listed(connection: duckdb.DuckDBPyConnection, person: Person) -> str:
    connection.execute("create or replace temp table listed (row_no bigint)")
    said = connection.execute("select row_no, type, identity from raw.list_rows where identity is not null")
    rows = []
    while some := said.fetchmany(100_000):
        rows += [[row_no] for row_no, kind, identity in some if person.is_listed(kind, identity)]
    if rows:
        connection.executemany("insert into listed values (?)", rows)
    return "row_no in (select row_no from listed)"


def _purge(
    connection: duckdb.DuckDBPyConnection,
    erasure: str,
    person: Person,
    found: Mapping[str, tuple[int, str]],
    attributes: Mapping[str, int],
) -> None:
    connection.execute(DONE)
    is_new = connection.execute("select 1 from raw.erasures where erasure = ?", [erasure]).fetchone() is None
    if is_new:
        connection.execute("insert into raw.erasures values (?)", [erasure])
        if has_table(connection, "raw", "attribute_keys"):
            for key, rows in attributes.items():
                # Else a run would take it for lost data that nobody has the attribute any more.
                connection.execute(
                    "update raw.attribute_keys set users = greatest(users - ?, 0) where key = ?", [rows, key]
                )
    _subtract_from_sizes(connection)
    _forget_lists(connection)
    days = _days_of(connection)
    for name, (rows, condition) in found.items():
        if rows:
            connection.execute(f"delete from {name} where {condition}")
    _settle_days(connection, days)


def _subtract_from_sizes(connection: duckdb.DuckDBPyConnection) -> None:
    """By platform as their devices are known now: what they had at an earlier run is not recorded."""
    if not has_table(connection, "state", "segment_size_log"):
        return
    connection.execute(
        """
        create or replace temp table less as
        with theirs as (select * from state.segment_stays where person_no in (select person_no from erased_no)),
        tests as (
            select t.person_no, t.run_from, t.run_to from theirs as t
            join state.segment_names as n using (segment_no) where n.segment = 'test_users'
        ),
        members as (
            select
                l.run_no, l.segment_no, count(*) as users,
                count(*) filter (where p.is_ios) as ios, count(*) filter (where p.is_android) as android,
                count(*) filter (where p.is_web) as web,
                count(*) filter (where exists (
                    from tests where tests.person_no = s.person_no and tests.run_from <= l.run_no
                    and coalesce(tests.run_to > l.run_no, true)
                )) as test_users
            from state.segment_size_log as l
            join theirs as s
                on l.segment_no = s.segment_no and s.run_from <= l.run_no and coalesce(s.run_to > l.run_no, true)
            left join state.user_platforms as p on s.person_no = p.person_no
            group by all
        ),
        flows as (
            select
                run_no, segment_no, count(*) filter (where change = 'entered') as entered,
                count(*) filter (where change = 'left') as left_count
            from state.segment_changes_log where person_no in (select person_no from erased_no) group by all
        )
        select
            run_no, segment_no, coalesce(users, 0) as users, coalesce(ios, 0) as ios, coalesce(android, 0) as android,
            coalesce(web, 0) as web, coalesce(test_users, 0) as test_users, coalesce(entered, 0) as entered,
            coalesce(left_count, 0) as left_count
        from members full join flows using (run_no, segment_no)
        """
    )
    numbers = ("users", "ios", "android", "web", "test_users", "entered", "left_count")
    smaller = ", ".join(f"{one} = greatest(l.{one} - s.{one}, 0)" for one in numbers)
    connection.execute(
        f"update state.segment_size_log as l set {smaller} from less as s"
        " where l.run_no = s.run_no and l.segment_no = s.segment_no"
    )


def _forget_lists(connection: duckdb.DuckDBPyConnection) -> None:
    """Counts of uploads lose the rows, and what was found out about them goes."""
    if not has_table(connection, "raw", "list_rows"):
        return
    connection.execute(
        "update raw.list_uploads as u set rows = greatest(rows - gone, 0) from (select upload_no, count(*) as gone"
        " from raw.list_rows where row_no in (select row_no from listed) group by all) as l"
        " where u.upload_no = l.upload_no"
    )
    if has_table(connection, "state", "list_matches"):
        outcomes = {"matched": "('matched')", "duplicates": "('duplicate')", "not_found": "('not_found')",
                    "ambiguous": "('ambiguous')", "bad": "('bad_type', 'no_identity', 'unreadable')"}  # fmt: skip
        counted = ", ".join(f"count(*) filter (where outcome in {words}) as {name}" for name, words in outcomes.items())
        smaller = ", ".join(f"{one} = greatest(c.{one} - m.{one}, 0)" for one in outcomes)
        connection.execute(
            f"update state.list_counts as c set {smaller} from"
            f" (select upload_no, {counted} from state.list_matches where row_no in (select row_no from listed)"
            " and run_no = (select max(run_no) from state.list_matches) group by all) as m"
            " where c.upload_no = m.upload_no"
        )
        connection.execute("delete from state.list_matches where row_no in (select row_no from listed)")
    connection.execute("delete from raw.list_repeats where row_no in (select row_no from listed)")


def _days_of(connection: duckdb.DuckDBPyConnection) -> list[object]:
    """Days of their events, and what those were keys of, before they go."""
    if not has_table(connection, "staging", "events_read"):
        return []
    theirs = f"coalesce({RESTS_ON[('user_id',)]}, false) or coalesce({RESTS_ON[('source', 'source_user_id')]}, false)"
    connection.execute(
        f"create or replace temp table keys_gone as select distinct key_hash from staging.events_read where {theirs}"
    )
    rows = connection.execute(
        f"select distinct day from staging.events_read where ({theirs}) and day is not null"
    ).fetchall()
    return [day for (day,) in rows]


def _settle_days(connection: duckdb.DuckDBPyConnection, days: list[object]) -> None:
    """Tiles of these days lack the person's events already, so they count as cut from what is left."""
    if not days:
        return
    # Somebody else's event may have been a duplicate of one that is gone: its file is read again, which settles it.
    connection.execute(
        "update raw.landing_files set state = 'pending' where file_no in (select file_no from staging.events_read"
        " where not is_first and problem is null and key_hash in (select key_hash from keys_gone))"
    )
    if not has_table(connection, "plan", "tile_days") or not has_table(connection, "staging", "event_days"):
        return
    connection.execute(
        f"create or replace temp table days_now as select day, count(*) as rows, {SIGNATURE} as signature"
        " from staging.events_read where problem is null and is_first and list_contains(?::date[], day) group by day",
        [days],
    )
    connection.execute(
        "create or replace temp table days_cut as select t.day from plan.tile_days as t"
        " join staging.event_days as e on t.day = e.day and t.signature = e.signature"
        " where list_contains(?::date[], t.day)",
        [days],
    )
    for table, more in (("plan.tile_days", ""), ("staging.event_days", ", rows = n.rows")):
        connection.execute(
            f"update {table} as t set signature = n.signature{more} from days_now as n"
            " where t.day = n.day and t.day in (select day from days_cut)"
        )
        connection.execute(
            f"delete from {table} where day in (select day from days_cut) and day not in (select day from days_now)"
        )


def _follow(connection: duckdb.DuckDBPyConnection, one: Rewritten) -> None:
    """A file that was rewritten is the one that was read already, and in manifests the one that its runs read."""
    if one.table == LISTS:
        if has_table(connection, "raw", "list_uploads"):
            connection.execute(
                "update raw.list_uploads set stamp = ?, content = ? where content = ?",
                [one.fingerprint, one.sha256, one.sha256_before],
            )
    elif has_table(connection, "raw", "landing_files"):
        connection.execute(
            "update raw.landing_files set fingerprint = ? where url = ? and fingerprint = ? and state <> 'gone'",
            [one.fingerprint, one.url, one.fingerprint_before],
        )
    if has_table(connection, "raw", "run_files"):
        connection.execute(
            "update raw.run_files set fingerprint = ?, sha256 = ?, size = ?, is_erased = true"
            " where url = ? and sha256 = ?",
            [one.fingerprint, one.sha256, one.size, one.url, one.sha256_before],
        )
