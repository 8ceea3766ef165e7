"""Made data for benchmarks: a landing area of any size, the same rows every time.

Numbers come from a hash of the row's position, so neither threads nor versions of a random generator matter.
Event names are skewed: the first of 50 holds about a fifth of all events.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

AS_OF = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 90
EVENT_NAMES = 50
CATEGORIES = ("shoes", "shirts", "hats", "bags", "toys", "books", "food", "home")
TIERS = ("bronze", "silver", "gold", "platinum")

# A uniform number in [0, 1) from a position and a column's name.
UNIFORM = "create macro uniform(i, name) as (md5_number_lower(concat(i, name)) % 1000003) / 1000003.0"


def write_landing(folder: Path, users: int, events: int) -> None:
    """Writes `users.parquet` and `events.parquet`; rows as the data contract has them."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(UNIFORM)
        categories, tiers = (", ".join(f"'{one}'" for one in names) for names in (CATEGORIES, TIERS))
        connection.execute(
            f"""copy (
                select
                    'u' || lpad(i::varchar, 8, '0') as user_id,
                    format('{{{{"tier": "{{}}", "age": {{}}}}}}',
                        [{tiers}][1 + (uniform(i, 'tier') * 4)::int % 4],
                        18 + (uniform(i, 'age') * 60)::int) as attributes
                from range({users}) as r (i)
            ) to '{folder}/users.parquet' (format parquet)"""
        )
        connection.execute(
            f"""copy (
                select
                    'e' || i as event_id,
                    'u' || lpad(floor(uniform(i, 'user') * {users})::bigint::varchar, 8, '0') as user_id,
                    'event_' || lpad(floor({EVENT_NAMES} * pow(uniform(i, 'event'), 2.5))::int::varchar, 2, '0')
                        as event,
                    timestamp '2026-01-01' + to_microseconds((uniform(i, 'ts') * {DAYS} * 86400e6)::bigint) as ts,
                    format('{{{{"amount": {{:.2f}}, "category": "{{}}"}}}}',
                        uniform(i, 'amount') * 500,
                        [{categories}][1 + (uniform(i, 'category') * 8)::int % 8]) as properties
                from range({events}) as r (i)
            ) to '{folder}/events.parquet' (format parquet)"""
        )
