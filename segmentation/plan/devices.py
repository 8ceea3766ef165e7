"""Leaves about devices: platform, type, model, and versions of the system and the app.

One registered and installed device must satisfy all words of a leaf; where that is not known, it counts as yes.
Not here: whether a message reaches the user (`reach.py`).
"""

from __future__ import annotations

from segmentation.language.model import Device
from segmentation.plan.checks import Checks
from segmentation.plan.facets import Facets
from segmentation.plan.sql import Sql, all_of

DEVICE = "d"

IN_USE = Sql(f"coalesce({DEVICE}.registered, true) and coalesce({DEVICE}.installed, true)")


def device_test(leaf: Device, checks: Checks) -> Sql:
    """What a leaf asks of one device."""
    return all_of(checks.holds(check, Facets(text=Sql(f"{DEVICE}.{word}"))) for word, check in leaf.checks)


def device_source(tests: tuple[Sql, ...]) -> Sql:
    """One row per person who has a device in use: for each test, whether some device passes it."""
    columns = "".join(f", bool_or(coalesce({test}, false)) as d{n}" for n, test in enumerate(tests))
    return Sql(
        f"select p.person_no{columns} from {{{{ ref('stg_devices') }}}} as {DEVICE}"
        f" join {{{{ ref('people') }}}} as p on p.source = '' and p.id = {DEVICE}.user_id"
        f" where {IN_USE} group by p.person_no"
    )
