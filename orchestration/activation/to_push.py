"""`netmera_push`: the members of a segment get its tag, and then the tag gets a message.

The tag is a set like any other: it is made equal to the segment through the gates, within the cap, with its ledger
(`mirror.py`). Not here: how a message goes out once (`orchestration/push/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connectors.accounts import netmera_account
from connectors.netmera_messages import PLATFORMS, NetmeraMessages, PushMessage
from orchestration.activation.allowed import why_dry
from orchestration.activation.locks import alone
from orchestration.activation.mirror import mirror
from orchestration.activation.places import others_at, refuse_kept
from orchestration.activation.wish import Outcome
from orchestration.activation.work import Work
from orchestration.inbox import this_process
from orchestration.push.outbox import Outbox, Push, State
from orchestration.push.sending import deliver, settle, stop, too_late
from orchestration.push.words import DRAFT, WAITING, message_no, tagging
from orchestration.segment_folder import segments_of


def push(work: Work) -> Outcome:
    """Hands the segment over and sends its message, once for the moment of the wish. A dry run says what would be sent.

    Raises GateClosed, ConnectorError, and ValueError in one sentence, InDoubt among them.
    """
    tag_work = replace(work, activation=tagging(work.activation))
    if work.wish.withdraw:
        return _tag(work, tag_work)
    state, wanted = _wanted(work)
    finds_out = work.sends or WAITING in work.activation.options
    if state is not None and state == wanted.end and finds_out:
        Outbox(work.settings.home).move(wanted, "sending", state)  # if its process died before it did
    if state == "done":
        return Outcome("nothing", f"“{wanted.title}” has gone out already, as message {wanted.key}", {})
    if state in ("failed", "in_doubt"):
        raise ValueError(wanted.reason or f"the message {wanted.id} has failed")
    if state == "sending" and wanted.may_be_out:
        if not finds_out:
            return _in_flight(work, wanted)
        died = "the process that asked died before it noted the answer"
        done = settle(work.settings, _taken(work, state, wanted), _client(work), work.clock, died)
        return _outcome(Outcome("sent", "", {}), done)
    _require_a_tag_of_its_own(work)
    if not work.sends:
        return _dry(work, _tag(work, tag_work), wanted)
    return _send(work, tag_work, _taken(work, state, wanted))


def _client(work: Work) -> NetmeraMessages:
    return NetmeraMessages(netmera_account(work.environ), work.clock, work.on_wait)


def _wanted(work: Work) -> tuple[State | None, Push]:
    """The message of the wish: one that waits in the outbox, or one for this moment, which may have gone out before."""
    outbox, activation, at = Outbox(work.settings.home), work.activation, work.wish.at
    waiting = activation.options.get(WAITING)
    id = str(waiting) if waiting is not None else message_no(activation.stream, at)
    found = outbox.look_up(id)
    if found is not None:
        return found
    if waiting is not None:
        raise ValueError(f"there is no message {id}")
    options, override = activation.options, work.wish.override
    message = PushMessage(str(options["title"]), str(options["text"]), tuple(options.get("platforms", PLATFORMS)))
    return None, Push(
        id=id,
        segment=activation.segment,
        tag=activation.place,
        title=message.title,
        text=message.text,
        platforms=message.platforms,
        by=work.wish.by,
        asked_at=at,
        draft=bool(options.get(DRAFT)),
        override_by=override.by if override else None,
        override_reason=override.reason if override else None,
    )


def _taken(work: Work, state: State | None, wanted: Push) -> Push:
    outbox, me = Outbox(work.settings.home), this_process()
    if state is None:
        outbox.add(wanted)
    take = outbox.take_over if state == "sending" else outbox.take
    mine = take(wanted, me, work.clock.now())
    if mine is None:
        raise ValueError(f"another process is sending the message {wanted.id}")
    if mine.at is None and not mine.may_be_out and WAITING in work.activation.options:
        outbox.forget(mine)  # whoever wanted it at once is not asked any more
        raise ValueError(f"the process that was to send “{mine.title}” died before it was sent; ask for it again")
    return mine


def _send(work: Work, tag_work: Work, mine: Push) -> Outcome:
    try:
        if mine.is_too_late(work.clock.now()):
            too_late(mine)
        tagged = _tag(work, tag_work)
        if not _tagged_people(tagged.counts):
            unknown = tagged.counts.get("added", 0)
            why = f": Netmera does not know the {unknown:,} who were to get it" if unknown else ""
            raise ValueError(f"nobody has the tag {mine.tag}, so the message “{mine.title}” was not sent{why}")
        done = deliver(work.settings, mine, _client(work), work.clock)
    except BaseException as error:
        found = Outbox(work.settings.home).look_up(mine.id)
        if found is not None and found[0] == "sending" and not found[1].may_be_out:
            stop(work.settings, found[1], error, work.clock)
        raise
    return _outcome(tagged, done)


def _tag(work: Work, tag_work: Work) -> Outcome:
    """Makes the tag equal to the segment; an activation of the tag itself may be doing that, too."""
    with alone(work.settings.home, tag_work.activation.stream, work.wish.doing):
        try:
            return mirror(tag_work)
        finally:
            work.said = tag_work.said


def _dry(work: Work, tagged: Outcome, wanted: Push) -> Outcome:
    added, removed = tagged.counts.get("added", 0), tagged.counts.get("removed", 0)
    goes = "would be made as a draft for" if wanted.draft else "would go to"
    said = (
        f"{wanted.segment}: “{wanted.title}” {goes} the tag {wanted.tag}, which {_tagged_people(tagged.counts):,}"
        f" would have ({added:,} added, {removed:,} removed); nothing was sent, {why_dry(work.activation, work.wish)}"
        f"{work.closed_in_words()}"
    )
    return replace(tagged, said=said)


def _in_flight(work: Work, wanted: Push) -> Outcome:
    said = (
        f"{wanted.segment}: Netmera was asked for “{wanted.title}” already, and what became of it is not noted yet;"
        f" nothing was sent, {why_dry(work.activation, work.wish)}"
    )
    return Outcome("dry_run", said, {})


def _outcome(tagged: Outcome, done: Push) -> Outcome:
    went = f"a draft of “{done.title}” was made" if done.draft else f"“{done.title}” went out to the tag {done.tag}"
    calls = tagged.counts.get("calls", 0) + (1 if done.draft else 2)
    said = f"{tagged.said}; " if tagged.said else f"{done.segment}: "
    if tagged.ending == "nothing":
        said = f"{done.segment}: {_tagged_people(tagged.counts):,} were sent to the tag {done.tag} before; "
    if unknown := tagged.counts.get("invalid", 0):
        said += f"Netmera does not know {unknown:,} of them; "
    details = {**tagged.details, "push": done.id, "message": done.key}
    return replace(
        tagged, ending="sent", said=f"{said}{went}, as message {done.key}", counts={**tagged.counts, "calls": calls},
        details=details,
    )  # fmt: skip


def _tagged_people(counts: Mapping[str, int]) -> int:
    """How many have the tag, at most: whom Netmera did not know in earlier runs is not remembered, and whom it did not
    know in this one may have been removed rather than added."""
    unknown = max(0, counts.get("invalid", 0) - counts.get("removed", 0))
    return counts.get("unchanged", 0) + counts.get("added", 0) - unknown


def _require_a_tag_of_its_own(work: Work) -> None:
    """A message to a tag reaches whoever has it, so no other segment may give it to somebody, and this one may not keep
    it for those who have left."""
    activation, definitions = work.activation, segments_of(work.settings).definitions
    if activation.segment in definitions:
        refuse_kept(activation, definitions[activation.segment])
    for name in others_at(activation, definitions.values()):
        raise ValueError(
            f"{activation.segment}: members of {name} get the tag {activation.place}, too, and a message to it would"
            " reach them; expected a tag of its own"
        )
