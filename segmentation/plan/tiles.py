"""The event tiles: the slice of every event day that some rule looks at, narrow and typed.

A tile is one UTC day. It holds the events that rules name, with the properties they ask for taken out of JSON, in
event and day order (by the instant would take four times as long to sort and prune no better), and is replaced as a
whole when anything about its day changed. Windows are compared with instants, so tiles do not depend on a segment's
window and hardly on the workspace's zone.
Not here: aggregation; that happens per condition, because windows and filters differ.
"""

from __future__ import annotations

from segmentation.clock import Clock
from segmentation.plan.events import Needs
from segmentation.plan.facets import local
from segmentation.plan.fields import FieldSet
from segmentation.plan.sql import Sql, digest, literal


def tiles_model(fields: FieldSet, needs: Needs, clock: Clock, stored_layout: str | None) -> tuple[str, str]:
    """The dbt model `event_tiles`, and the name of its layout; tiles stored under another layout are built anew.

    Whether a day is stale is decided against `tile_days`, which the model's own post-hook writes in the same
    transaction: the signature of the day's rows when its tile was cut.
    """
    columns = [
        "e.event",
        "e.day",
        "e.ts",
        "p.person_no",
        *(f"e.{column}" for column in sorted(needs.columns)),
        *([f"{local(Sql('e.ts'), clock)} as local_ts"] if needs.local_time else []),
        *fields.select_list("e"),
    ]
    wanted = (
        "true"
        if needs.any_event
        else f"event in ({', '.join(literal(name) for name in sorted(needs.events))})"
        if needs.events
        else "false"
    )
    select = (
        "select\n    "
        + ",\n    ".join(columns)
        + "\nfrom (\n    select "
        + ",\n        ".join(["*", *fields.extracts()])
        + "\n    from {{ ref('stg_events') }}"
        + f"\n    where is_first and {wanted}"
        + "\n    {% if is_incremental() %}and day in (select day from {{ stale_days() }}){% endif %}"
        + "\n) as e"
        + "\njoin {{ ref('people') }} as p"
        + "\n    on p.source = (case when e.user_id is null then e.source else '' end)"
        + "\n    and p.id = coalesce(e.user_id, e.source_user_id)"
    )
    layout = digest(select)
    full_refresh = "true" if layout != stored_layout else "none"
    return (
        "{{ config(\n    materialized='incremental', incremental_strategy='append', full_refresh="
        + full_refresh
        + ',\n    pre_hook="{{ drop_stale_tiles() }}", post_hook="{{ remember_tiles(\''
        + layout
        + "') }}\"\n) }}\n"
        + select
        + "\norder by e.event, e.day\n"
    ), layout
