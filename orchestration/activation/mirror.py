"""A set of people at a destination becomes equal to a segment, whatever interrupted the calls before.

Who should be there is read and compared with what was sent; then the gates are asked, and the difference is sent.
Not here: each of these steps, and destinations (`connectors/`).
"""

from __future__ import annotations

from pathlib import Path

from connectors.budget import Ledger as Calls
from connectors.destinations import Destination, Remarking
from connectors.errors import NotConfigured
from orchestration.activation.allowed import why_dry
from orchestration.activation.destinations import for_a_dry_run
from orchestration.activation.difference import Counts, compare
from orchestration.activation.ledger import Ledger, open_ledger
from orchestration.activation.members import causes_sent, read_members
from orchestration.activation.read_back import read_back
from orchestration.activation.record import last_details
from orchestration.activation.rivals import refuse_rivals
from orchestration.activation.sending import Replaceable, Sender
from orchestration.activation.wanted import Wanted, make_wanted
from orchestration.activation.wish import Outcome
from orchestration.activation.work import Work
from orchestration.activation.workplace import ledger_of, reading_place
from orchestration.erasure.warehouse import rewrite
from orchestration.gates.facts import Leaving, Reach
from orchestration.gates.results import Result
from orchestration.segment_folder import segments_of
from orchestration.settings import connector_settings

CONTACTS, THERE = "contacts.parquet", "there.parquet"  # while a call lasts


def mirror(work: Work) -> Outcome:
    """Makes the set at the destination of an activation equal to its segment, or says what that would take.

    Raises GateClosed, ConnectorError, WarehouseBusy, and ValueError for a wish that cannot be met.
    """
    settings, activation, wish = work.settings, work.activation, work.wish
    if wish.withdraw and wish.replace:
        raise ValueError("found both withdraw and replace, expected one of them")
    if not wish.withdraw:
        refuse_rivals(settings.home, activation, segments_of(settings).definitions.values())
    destination = _destination(work)
    if wish.replace and not isinstance(destination, Replaceable):
        raise ValueError(f"people at {activation.to} cannot be replaced as a whole: they are added and removed")
    work.counts |= dict.fromkeys(("added", "removed", "invalid", "calls"), 0)
    file = ledger_of(settings.home, activation.stream)
    with (
        reading_place(settings.home, activation.stream) as place,
        open_ledger(file, place, writing=work.sends) as ledger,
    ):
        had_erased = ledger.has_erased
        sender = Sender(ledger, destination, work.clock, work.counts, work.remarks, wish.doing)
        if work.sends:
            destination.check()
            sender.ask()
        is_known = _read(work, ledger, place)
        wanted = make_wanted(ledger.connection, None if wish.withdraw else place / CONTACTS, destination)
        counts = compare(ledger.connection, destination.keys)
        _tell(work, wanted, counts)
        if isinstance(destination, Remarking) and not wish.withdraw:
            work.remarks.extend(destination.remarks(counts.identities))
        work.gates(
            Leaving(counts.there, counts.remove) if counts.there else None,
            None if wish.withdraw else Reach(wanted.people + wanted.without_identifier, wanted.people),
            (is_known, _cap(work, counts)),
        )
        if not work.sends:
            return _dry(work, counts)
        work.details |= {"ledger": ledger.mark.ledger, "runs": ledger.mark.runs + 1, "there": counts.there + counts.add}
        if isinstance(destination, Replaceable) and wish.replace:
            sender.replace(counts, destination)
        else:
            sender.mirror(counts)
        work.details["there"] = ledger.size
        if work.counts["calls"]:
            read_back(work, destination, ledger)
        done = _done(work, ledger)
    if had_erased:
        rewrite(file)  # a row that is deleted leaves its bytes
    return done


def _destination(work: Work) -> Destination:
    """A dry run does without an account, and says what is missing."""
    make, tables = work.factories[work.activation.to], connector_settings()
    calls = Calls(work.settings.budgets)
    try:
        return make(work.activation, work.environ, tables, work.clock, work.on_wait, calls)
    except NotConfigured as error:
        if work.sends:
            raise
        work.remarks.append(str(error))
        return make(work.activation, for_a_dry_run(work.environ), tables, work.clock, work.on_wait, calls)


def _read(work: Work, ledger: Ledger, place: Path) -> Result:
    """Who should be there, as contacts in a file; and a gate that is closed if nobody knows any more what was sent."""
    ledger.write_people(place / THERE)
    with work.reading() as connection:
        last = last_details(connection, work.activation) or {}
        if not work.wish.withdraw:
            work.wish.doing("reading members")
            causes = causes_sent(work.activation, work.wish)
            found = read_members(connection, work.activation, causes, place / THERE, place / CONTACTS)
            work.counts |= {"members": found.members, **found.away}
            if not work.activation.mirrors:
                work.counts["kept"] = found.kept
    mark, there = ledger.mark, last.get("there") or 0
    said = ""
    if there and not work.wish.replace and (last["ledger"] != mark.ledger or last["runs"] > mark.runs):
        said = f"of {there:,} people who are there it is not known any more who they are, as the ledger in"
        said += " SEGMENTS_HOME is gone or an older copy, so whoever has left since would stay"
    return work.own("ledger", said, {"there": there})


def _cap(work: Work, counts: Counts) -> Result:
    most = work.settings.activation.most_per_run
    sent = counts.identities + counts.remove if work.wish.replace else counts.sent
    said = f"{sent:,} people would be sent, and at most {most:,} are in one run" if sent > most else ""
    return work.own("most_per_run", said, {"sent": sent, "most_per_run": most})


def _tell(work: Work, wanted: Wanted, counts: Counts) -> None:
    """Numbers of members add up to all of them, and those of identities to all that are wanted."""
    work.counts |= {
        "without_identifier": wanted.without_identifier,
        "same_identity": counts.people - counts.identities,
        "unchanged": counts.keep,
        "to_add": counts.add + counts.again,
        "to_remove": counts.remove,
        "again": counts.again,
        "waiting": counts.wait,
    }


def _dry(work: Work, counts: Counts) -> Outcome:
    work.counts |= {"added": counts.add + counts.again, "removed": counts.remove}
    activation = work.activation
    said = (
        f"{activation.segment}: {work.counts['added']:,} would be added to {activation.to} {activation.place} and"
        f" {counts.remove:,} removed, {counts.keep:,} stay; nothing was sent,"
        f" {why_dry(activation, work.wish)}{work.closed_in_words()}"
    )
    return Outcome("dry_run", said, work.counts, work.said, work.details)


def _done(work: Work, ledger: Ledger) -> Outcome:
    activation, told = work.activation, work.counts
    told["waiting"] = ledger.unsettled
    here = f"{activation.to} {activation.place}"
    waiting = f"; {told['waiting']:,} wait for what {here} says" if told["waiting"] else ""
    if not told["calls"]:
        said = f"{activation.segment}: nothing to send, {told['unchanged']:,} are at {here} already{waiting}"
        return Outcome("nothing", said, told, work.said, work.details)
    said = (
        f"{activation.segment}: {told['added']:,} added to {here} and {told['removed']:,} removed,"
        f" {told['unchanged']:,} were there already{waiting}"
    )
    return Outcome("sent", said, told, work.said, work.details)
