"""What has to fit once a person's rows are gone: sizes, counts of lists, tiles, and ledgers of files.

Published sizes are counted from members, so each loses the person where their stays cover its run. Reconstructed days
are numbers without members, and stay. All of it expects the tables `erased`, `erased_no` and `listed` of the caller,
and its transaction. Not here: the rows themselves (`warehouse.py`).
"""

from __future__ import annotations

import duckdb

from orchestration.erasure.files import LISTS, Rewritten
from orchestration.warehouse import has_table

RESTS_ON = {  # the first of these column sets that a table has says whose its rows are
    ("person_no",): "person_no in (select person_no from erased_no)",
    ("user_no",): "user_no in (select person_no from erased_no)",
    ("user_id",): "user_id in (select id from erased where source = '')",
    ("source", "source_user_id"): "(source, source_user_id) in (select (source, id) from erased)"
    " or coalesce(source, '') = '' and source_user_id in (select id from erased where source <> '')",
    ("connector", "connector_user_id"): "(connector, connector_user_id) in (select (source, id) from erased)",
    ("source", "id"): "(source, id) in (select (source, id) from erased)",
}
SIGNATURE = "bit_xor(hash(file_no, row_no, key_hash, ts))"  # as models/identity/event_days.sql has it


def subtract_from_sizes(connection: duckdb.DuckDBPyConnection) -> None:
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


def subtract_from_statistics(connection: duckdb.DuckDBPyConnection) -> None:
    """What the last run counted over members, alone and in pairs of segments; other statistics are counted anew by the
    next run in any case."""
    member = "s.run_from <= l.run_no and coalesce(s.run_to > l.run_no, true) and s.person_no in (from erased_no)"
    if has_table(connection, "state", "segment_metrics_log") and has_table(connection, "plan", "person_facts"):
        flags = {"ios": "p.is_ios", "android": "p.is_android", "web": "p.is_web"}
        flags |= {name: f"f.{name}" for name in ("push", "web_push", "email", "sms", "whatsapp")}
        counted = [f"count(*) filter (where {flag}) as {name}" for name, flag in flags.items()]
        sums = ("opens", "sessions", "seconds", "revenue")
        counted += [f"coalesce(sum(f.{name}), 0) as {name}" for name in sums]
        smaller = [f"{name} = greatest(l.{name} - t.{name}, 0)" for name in ("users", *flags, "opens", "sessions")]
        smaller += [f"{name} = greatest(round(l.{name} - t.{name}, 6), 0)" for name in ("seconds", "revenue")]
        connection.execute(
            f"update state.segment_metrics_log as l set {', '.join(smaller)} from ("
            f" select l.run_no, l.segment_no, count(*) as users, {', '.join(counted)}"
            " from state.segment_metrics_log as l"
            f" join state.segment_stays as s on l.segment_no = s.segment_no and {member}"
            " left join state.user_platforms as p on s.person_no = p.person_no"
            " left join plan.person_facts as f on s.person_no = f.person_no group by all"
            ") as t where l.run_no = t.run_no and l.segment_no = t.segment_no"
        )
    if has_table(connection, "state", "segment_overlap_log"):
        connection.execute(
            "update state.segment_overlap_log as l set both_users = l.both_users - t.users from ("
            " select l.run_no, l.segment_no, l.other_no, count(*) as users from state.segment_overlap_log as l"
            f" join state.segment_stays as s on l.segment_no = s.segment_no and {member}"
            " join state.segment_stays as o on l.other_no = o.segment_no and o.person_no = s.person_no"
            " and o.run_from <= l.run_no and coalesce(o.run_to > l.run_no, true) group by all"
            ") as t where l.run_no = t.run_no and l.segment_no = t.segment_no and l.other_no = t.other_no"
        )
        connection.execute("delete from state.segment_overlap_log where both_users <= 0")


def forget_listed(connection: duckdb.DuckDBPyConnection) -> None:
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


def days_of(connection: duckdb.DuckDBPyConnection) -> list[object]:
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


def settle_days(connection: duckdb.DuckDBPyConnection, days: list[object]) -> None:
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


def follow(connection: duckdb.DuckDBPyConnection, one: Rewritten) -> None:
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
