"""The health report as an asset: once a week, a page of what is worth a look and what segments cost, with numbers that
plot over the weeks.

Not here: what is found (`orchestration/health`).
"""

from datetime import UTC, datetime

import dagster as dg

from orchestration.health.markdown import MOST_COSTS, as_markdown
from orchestration.health.report import Report, health
from orchestration.names import AS_OF_TAG, HEALTH_KEY, POOL, REPORTS, model_key
from orchestration.settings import Settings
from segmentation.clock import parse_as_of

PAGE = """Which segments are failing, stale, shrinking, likely duplicates or unused, and what each cost in the last \
seven days. Made on Monday mornings, and whenever somebody materializes it; `segments health` tells the same at once."""
MOST_ROWS = 200


def health_assets(settings: Settings) -> dg.AssetsDefinition:
    """The one asset; it reads what the last run published and changes nothing."""

    @dg.asset(
        key=HEALTH_KEY,
        group_name=REPORTS,
        deps=[model_key("segments", name) for name in ("segments", "segment_size_daily", "segment_costs")],
        description=PAGE,
        kinds={"duckdb"},
        pool=POOL,
    )
    def segments_health(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        as_of = _moment(context, settings)
        return dg.MaterializeResult(metadata=metadata(health(settings, as_of), settings))

    return segments_health


def metadata(report: Report, settings: Settings) -> dict[str, dg.MetadataValue]:
    """Numbers stay numbers, so that they plot; lists are cut, and then the page says how much more there is."""
    rows = [dg.TableRecord({"finding": one.kind, "segment": one.segment, "what": one.said}) for one in report.findings]
    costs = [
        dg.TableRecord(
            {"segment": one.segment, "runs": one.runs, "seconds": round(one.seconds, 3), "rows": one.rows,
             "bytes": one.bytes}
        )
        for one in report.costs[:MOST_COSTS]
    ]  # fmt: skip
    told: dict[str, dg.MetadataValue] = {
        "as_of": dg.MetadataValue.timestamp(report.as_of),
        "segments": dg.MetadataValue.int(report.judged),
        **{kind: dg.MetadataValue.int(number) for kind, number in report.counts.items()},
        "runs": dg.MetadataValue.int(report.runs),
        "seconds": dg.MetadataValue.float(round(report.seconds, 3)),
        "rows": dg.MetadataValue.int(sum(one.rows for one in report.costs)),
        "bytes": dg.MetadataValue.int(sum(one.bytes for one in report.costs)),
        "report": dg.MetadataValue.md(as_markdown(report, settings.zone)),
    }
    if rows:
        told["findings"] = dg.MetadataValue.table(rows[:MOST_ROWS])
    if costs:
        told["costs"] = dg.MetadataValue.table(costs)
    return told


def _moment(context: dg.AssetExecutionContext, settings: Settings) -> datetime:
    """The tick of the schedule, or when the run was asked for."""
    tag = context.run.tags.get(AS_OF_TAG)
    if tag:
        return parse_as_of(tag, settings.zone)
    record = context.instance.get_run_record_by_id(context.run_id)
    return record.create_timestamp.astimezone(UTC) if record else datetime.now(UTC)
