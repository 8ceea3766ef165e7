"""Landing tables as assets: which files there are, and the views over them that staging reads.

Not here: looking into files (`orchestration/landing`), and casting or deduplicating rows (dbt staging models).
"""

from collections.abc import Iterator

import dagster as dg

from orchestration.assets.pulls import sources_of
from orchestration.landing import load_landing
from orchestration.landing.contract import CONTRACT
from orchestration.names import POOL, landing_key
from orchestration.settings import Settings
from orchestration.warehouse import connect, exclusively


def landing_assets(settings: Settings) -> dg.AssetsDefinition:
    """One asset per table of the landing area."""

    @dg.multi_asset(
        name="landing",
        specs=[
            dg.AssetSpec(
                landing_key(table),
                deps=sources_of(table),
                group_name="landing",
                kinds={"file"},
                description=_description(table),
            )
            for table in CONTRACT
        ],
        pool=POOL,
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        with exclusively(settings.home), connect(settings.warehouse) as connection:
            report = load_landing(connection, settings.landing)
        for table in CONTRACT:
            yield dg.MaterializeResult(landing_key(table), metadata={"files": report.files.get(table, 0)})

    return landing


def _description(table: str) -> str:
    required = CONTRACT[table].required or tuple(" or ".join(group) for group in CONTRACT[table].one_of)
    return f"Files of the landing table {table}. Every file needs {', '.join(required)}."
