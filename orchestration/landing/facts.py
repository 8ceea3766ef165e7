"""What decisions need to know of the landing area as it is now: which attributes users have, what was sent to whom.

Both read the views of the schema raw, thus before staging is built. Not here: what earlier runs left (`state.py`).
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from orchestration.warehouse import aware, naive


def attribute_keys(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many users have each top-level attribute, null being none, as they are in the landing area now."""
    return dict(
        connection.execute(
            """
            select key, count(*) from (
                select attributes, unnest(json_keys(attributes)) as key from raw.users
                where json_valid(attributes) and json_type(attributes) = 'OBJECT'
            )
            where json_type(attributes, '/' || replace(replace(key, '~', '~0'), '/', '~1')) <> 'NULL'
            group by key order by key
            """
        ).fetchall()
    )


def last_sends(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> dict[str, datetime] | None:
    """When a message that names a segment, to go to it or to spare it, was last sent to anybody; None if the landing
    area has no messages."""
    landed = connection.execute("select count(*) from raw.messages").fetchone()
    if not landed or not landed[0]:
        return None
    rows = connection.execute(
        """
        with named as (
            select distinct message_id, unnest(from_json(names, '["VARCHAR"]')) as segment
            from (
                select message_id, unnest([segments, excluded_segments]) as names from raw.messages
            )
            where case when json_valid(names) then json_type(names) = 'ARRAY' end
        )
        select segment, max(ts) from named join raw.message_events using (message_id)
        where kind = 'sent' and ts < ? and segment is not null
        group by segment order by segment
        """,
        [naive(as_of)],
    ).fetchall()
    return {segment: aware(sent_at) for segment, sent_at in rows}
