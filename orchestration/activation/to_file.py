"""`file`: the members of a segment are written to a folder or a store, as exports by hand are.

An export is the whole list, or with `delta` what is another since the last one, whatever set it off. Nothing is removed
of what was written before. Not here: files (`orchestration/exports`), and when it is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.activation.allowed import why_dry
from orchestration.activation.wish import Outcome
from orchestration.activation.work import Work
from orchestration.exports.collect import BLACKLISTED, NO_LONGER_A_USER
from orchestration.exports.prepare import Ask, prepare
from orchestration.exports.request import Request
from orchestration.exports.workplace import one_at_a_time
from orchestration.exports.write import Export, write_export
from orchestration.gates.facts import Facts, Leaving
from orchestration.gates.results import Result
from segmentation.language.export_fields import fields_of
from segmentation.language.export_places import place_of

DEFAULT_FIELDS = ("external_id",)


def write(work: Work) -> Outcome:
    """Writes the files of an activation, unless they would say nothing new; a dry run says what they would be.

    Raises GateClosed, ConnectorError, WarehouseBusy, and ValueError in one sentence.
    """
    activation = work.activation
    if work.wish.withdraw:
        raise ValueError(f"{activation.segment}: files are not taken back; remove them at {activation.place}")
    request = request_of(work)
    if not work.sends:
        return _dry(work, request)
    done = write_export(
        work.settings, request, work.wish.at,
        doing=work.wish.doing, reading=work.reading, ask=_asking(work, request), once=True, environ=work.environ,
        pause=work.clock.sleep,
    )  # fmt: skip
    _tell(work, done.told["members"], done.told["dropped"], done.told["rows"], done.told["changes"])
    if not done.is_new:
        said = f"{activation.segment}: nothing is another than in what was exported to {request.into}"
        return Outcome("nothing", said, work.counts, work.said, work.details)
    work.details |= _details(done)
    rows = f"{done.told['rows']:,} {'change' if request.delta else 'row'}{'' if done.told['rows'] == 1 else 's'}"
    said = f"{activation.segment}: {rows} as of {done.told['as_of']} in {', '.join(map(str, done.files))}"
    return Outcome("sent", said, work.counts, work.said, work.details)


def request_of(work: Work) -> Request:
    """The export that an activation asks for; a path that is not absolute lies in SEGMENTS_HOME.

    Raises ValueError in one sentence.
    """
    options, activation = work.activation.options, work.activation
    try:
        return Request(
            activation.segment,
            place_of(activation.place, work.settings.home),
            fields_of(options.get("fields", DEFAULT_FIELDS)),
            options.get("format", "csv"),
            options.get("channel"),
            bool(options.get("delta")) and not work.wish.replace,
            by=work.wish.by,
        )
    except ValueError as error:
        raise ValueError(f"{activation.segment}, activate to file: {error}") from None


def _asking(work: Work, request: Request) -> Ask:
    def ask(_: Facts, leaving: Leaving | None, rows: int) -> tuple[Result, ...]:
        return work.gates(leaving, own=_cap(work, request, rows))

    return ask


def _cap(work: Work, request: Request, rows: int) -> tuple[Result, ...]:
    """Files of this machine may be as large as they are."""
    if request.is_local:
        return ()
    most = work.settings.activation.most_per_run
    said = f"{rows:,} rows would be sent, and at most {most:,} are in one run" if rows > most else ""
    return (work.own("most_per_run", said, {"sent": rows, "most_per_run": most}),)


def _dry(work: Work, request: Request) -> Outcome:
    with one_at_a_time(work.settings.home) as workplace:
        ready = prepare(
            work.settings, request, workplace, work.reading, _asking(work, request), work.wish.doing
        )  # fmt: skip
    _tell(work, ready.collected.members, ready.collected.dropped, ready.rows.count, ready.changes)
    said = (
        f"{request.segment}: {ready.rows.count:,} {'changes' if request.delta else 'rows'} would go to {request.into};"
        f" nothing was sent, {why_dry(work.activation, work.wish)}{work.closed_in_words()}"
    )
    return Outcome("dry_run", said, work.counts, work.said, work.details)


def _tell(work: Work, members: int, dropped: Mapping[str, int], rows: int, changes: Mapping[str, int] | None) -> None:
    work.counts |= {"members": members, "rows": rows, **{why: dropped[why] for why in (BLACKLISTED, NO_LONGER_A_USER)}}
    work.counts |= changes or {}


def _details(done: Export) -> dict[str, Any]:
    files = [
        {"path": str(path), "sha256": file["sha256"]} for path, file in zip(done.files, done.told["files"], strict=True)
    ]
    return {"export_no": done.told["export_no"], "files": files, "manifest": str(done.manifest)}
