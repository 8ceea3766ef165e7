"""`segments push` and `segments pushes`: a push message to a segment, and what became of messages.

Not here: what a message does (`orchestration/push`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.words import (
    Failed,
    complain,
    moment_of,
    print_json,
    progress,
    say,
    settings_for,
    wall_clock,
    with_json,
)
from segmentation.language.words import PUSH_PLATFORMS

if TYPE_CHECKING:
    from orchestration.activation.wish import Outcome
    from orchestration.push.outbox import Push, State


@click.command()
@click.argument("name")
@click.option("--title", required=True, help="Names the campaign in the panel, and stands above the text on devices.")
@click.option("--text", required=True, help="What the message says.")
@click.option("--platforms", default=",".join(PUSH_PLATFORMS), show_default=True, metavar="A,B", help="Of devices.")
@click.option("--tag", help="The tag that members get (default: NAME).")
@click.option("--draft", is_flag=True, help="A message in the panel that goes to nobody yet (the default).")
@click.option("--at", metavar="MOMENT", help="Goes out then, to who is in NAME then, if Dagster runs.")
@click.option("--now", is_flag=True, help="Goes out at once.")
@click.option("--send", is_flag=True, help="Without it, it is only said what would be sent.")
@click.option("--override", metavar="REASON", help="Why it goes out although a gate is closed.")
@click.option("--by", metavar="WHO", help="Who asks for it; needed with --override.")
@with_json
def push(
    name: str,
    title: str,
    text: str,
    platforms: str,
    tag: str | None,
    draft: bool,
    at: str | None,
    now: bool,
    send: bool,
    override: str | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Give the members of a segment its tag, and the tag a push message through Netmera.

    Nothing leaves without --send, and without netmera_push in SEGMENTS_SEND.
    """
    if draft + now + (at is not None) > 1:
        raise click.UsageError("expected one of --draft, --at and --now")
    if override is not None and by is None:
        raise click.UsageError("--override needs a name: --by WHO")
    from connectors.netmera_messages import PushMessage
    from orchestration.changes import whoever_runs_this
    from orchestration.gates.results import Override

    settings, by = settings_for(), by or whoever_runs_this()
    try:
        message = PushMessage(title, text, tuple(one.strip() for one in platforms.split(",")))
        over = Override(by, override) if override is not None else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if at is not None and send:
        from orchestration.push.asked import schedule

        moment = moment_of(at, settings)
        waiting = schedule(settings, name, tag or name, message, moment, by, wall_clock(), over)
        _tell_push("new", waiting, as_json)
        return
    from orchestration.activation.run import activate
    from orchestration.activation.wish import Wish
    from orchestration.push.words import DRAFT, push_activation

    activation = push_activation(name, tag or name, message, **{DRAFT: not now and at is None})
    with progress("starting") as shown:
        wish = Wish(at=wall_clock().replace(microsecond=0), by=by, send=send, override=over, doing=shown.doing)
        outcome = activate(settings, activation, wish)
    _tell(outcome, as_json)


def _tell(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        gates = [one.told() for one in outcome.gates]
        print_json({"ending": outcome.ending, "said": outcome.said, "counts": dict(outcome.counts), "gates": gates,
                    "details": dict(outcome.details)})  # fmt: skip
    if outcome.ending in ("closed", "failed"):
        complain(outcome.said)
        raise Failed
    if not as_json:
        say(outcome.said)


@click.command()
@click.option("--cancel", metavar="ID", help="A message that waits does not go out; a draft is forgotten here.")
@click.option("--settle", metavar="ID", help="A message in doubt: look for it once more, or say what became of it.")
@click.option("--went-out", metavar="KEY", help="With --settle: it went out, as the message KEY of the panel.")
@click.option("--did-not-go-out", is_flag=True, help="With --settle: it did not.")
@with_json
def pushes(cancel: str | None, settle: str | None, went_out: str | None, did_not_go_out: bool, as_json: bool) -> None:
    """Push messages that wait, went out, failed or are in doubt; cancel or settle one."""
    if cancel is not None and settle is not None:
        raise click.UsageError("expected one of --cancel and --settle")
    if settle is None and (went_out is not None or did_not_go_out) or went_out is not None and did_not_go_out:
        raise click.UsageError("expected --settle ID with one of --went-out KEY and --did-not-go-out")
    from orchestration.changes import whoever_runs_this
    from orchestration.push.asked import cancel as take_back
    from orchestration.push.asked import settle_by_hand
    from orchestration.push.outbox import Outbox

    settings, by = settings_for(), whoever_runs_this()
    outbox = Outbox(settings.home)
    if cancel is not None:
        take_back(settings, cancel, by, wall_clock())
    if settle is not None:
        sure = True if went_out is not None else False if did_not_go_out else None
        settle_by_hand(settings, settle, by, key=went_out, went_out=sure)
    if (one := cancel or settle) is not None:
        found = outbox.look_up(one)
        assert found is not None
        _tell_push(*found, as_json)
        return
    if as_json:
        print_json([_told(state, push) for state, push in outbox.all()])
        return
    for state, push in outbox.all():
        say(_line(state, push))


def _tell_push(state: State, push: Push, as_json: bool) -> None:
    if as_json:
        print_json(_told(state, push))
    else:
        say(_line(state, push))


def _told(state: State, push: Push) -> dict[str, Any]:
    return {"id": push.id, "state": state, **{key: value for key, value in push.as_json().items() if key != "others"}}


def _line(state: State, push: Push) -> str:
    """`waiting   2026-12-01T09:00:00Z  win_back  “Winter sale”  win_back-20261201T090000Z-1f2e3d`"""
    from segmentation.clock import utc_text

    words = {"new": "waiting", "sending": "on its way", "in_doubt": "in doubt", "failed": "failed"}
    word = words.get(state) or ("draft" if push.draft else "sent")
    when = utc_text((push.at or push.called_at or push.asked_at).replace(microsecond=0))
    line = f"{word:<10}  {when}  {push.segment}  “{push.title}”  {push.id}"
    return f"{line}, message {push.key}" if push.key else f"{line}: {push.reason}" if push.reason else line


COMMANDS = {"push": push, "pushes": pushes}
