"""Netmera's segments, users, devices, messages and results into landing files.

`user_id` is the externalId, as the REST API tells no other; whoever has none is counted and left out. A message keeps
the segments that whoever sent it has written into its file.
Not here: the calls (connectors/netmera.py), which also says what the API does not tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

from connectors.drafts import Count, Draft
from connectors.errors import ShortRead
from connectors.landing_writer import LandingFolder
from connectors.netmera import VENDOR, Device, Message, Netmera, Person, Segment
from connectors.notes import ALL, Note
from connectors.pulls.attempts import Attempt, Doing, Report, Told, Wrote, nobody, try_all
from connectors.pulls.audiences import Audience, write_audience
from connectors.seen import Seen
from connectors.streams import as_json

_EVERY = 1_000
_STATUSES = {
    "FINISHED": "sent", "SENDING": "sent", "STOPPED": "sent", "STARTING": "scheduled", "ACTIVE": "scheduled",
    "DEACTIVE": "draft",
}  # fmt: skip
_KINDS = {"SUCCESS": "sent", "FAILED": "failed"}


def pull_segments(netmera: Netmera, folder: LandingFolder, at: datetime, doing: Doing, told: Told = nobody) -> Report:
    """Each segment as an audience of the connector `netmera`."""
    report = Report()
    segments = netmera.segments()
    folder.note(Note(VENDOR, "audiences", ALL, "done", at, rows=len(segments)))
    attempts = [
        Attempt(
            "audience_members", one.id, f"segment {one.id}", partial(_segment, netmera, one, folder, at, doing),
            one.name,
        )
        for one in segments
    ]  # fmt: skip
    try_all(attempts, folder, VENDOR, at, report, doing, told)
    return report


def _segment(netmera: Netmera, segment: Segment, folder: LandingFolder, at: datetime, doing: Doing) -> Wrote:
    audience = Audience(
        segment.id, segment.name, "", segment.users, None, partial(_member_rows, netmera, segment)
    )  # fmt: skip
    return write_audience(VENDOR, audience, folder, at, doing)


def _member_rows(netmera: Netmera, segment: Segment) -> Iterator[dict[str, Any]]:
    came = 0
    with closing(Seen()) as seen:
        for person in netmera.members(segment):
            came += 1
            if seen.add(as_json([person.external_id, person.msisdn, person.email])):
                yield {
                    "connector_user_id": person.external_id or "",
                    "email": person.email,
                    "msisdn": _international(person.msisdn),
                }
    if not came and segment.users:
        asked = f"members of segment {segment.id}"
        raise ShortRead(VENDOR, asked, f"nobody came where the list of segments shows {segment.users:,} users")


def pull_users(
    netmera: Netmera, folder: LandingFolder, at: datetime, details: bool, doing: Doing, told: Told = nobody
) -> Report:
    """Everybody who is in a segment; with `details` also attributes and devices, for two calls a person."""
    report = Report()
    attempt = Attempt("users", ALL, "users", partial(_users, netmera, folder, at, details, doing))
    try_all([attempt], folder, VENDOR, at, report, doing, told)
    return report


def _users(netmera: Netmera, folder: LandingFolder, at: datetime, details: bool, doing: Doing) -> Wrote:
    nameless = 0
    count = Count()
    segments = netmera.segments()
    with ExitStack() as stack:
        seen = stack.enter_context(closing(Seen()))
        users = stack.enter_context(folder.replacing("users", VENDOR))
        devices = stack.enter_context(folder.replacing("devices", VENDOR)) if details else None
        for person in (person for segment in segments for person in netmera.members(segment)):
            if person.external_id is None:
                nameless += 1
            elif seen.add(person.external_id):
                attributes = netmera.attributes(person.external_id) if details else None
                row = _user(person.external_id, person, attributes, at)
                users.write(row)
                count.member({**row, "connector_user_id": person.external_id})
                if devices is not None:
                    for number, device in enumerate(netmera.devices(person.external_id)):
                        devices.write(_device(person.external_id, number, device))
                if users.rows % _EVERY == 0:
                    doing(f"netmera: {users.rows:,} users")
        if not users.rows and any(one.users for one in segments):
            raise ShortRead(VENDOR, "users", "nobody came where the list of segments shows users")
        before = folder.rows("users", VENDOR)
        admitted = folder.gate(Draft(VENDOR, "users", ALL, "users", at, users.rows, count, before=before))
    rows = {folder.shown("users", VENDOR): users.rows}
    if devices is not None:
        rows[folder.shown("devices", VENDOR)] = devices.rows
    remark = f"netmera: {nameless:,} members of segments have no externalId and are left out" if nameless else None
    return Wrote(rows, remark=admitted.remark or remark, accepted=admitted.accepted)


def _user(external_id: str, person: Person, attributes: dict[str, Any] | None, at: datetime) -> dict[str, Any]:
    return {
        "user_id": external_id,
        "external_id": external_id,
        "email": person.email,
        "msisdn": _international(person.msisdn),
        "attributes": None if attributes is None else as_json(attributes),
        "updated_at": at,
    }


def _device(external_id: str, number: int, device: Device) -> dict[str, Any]:
    """A push address is no id to keep, so a digest of it stands for the device."""
    address = device.token or as_json([external_id, number, device.platform, device.model])
    return {
        "device_id": blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(),
        "user_id": external_id,
        "platform": device.platform,
        "device_model": device.model,
        "has_token": device.token is not None,
        "push_permission": device.push_permitted,
    }


def pull_messages(
    netmera: Netmera,
    folder: LandingFolder,
    since: datetime,
    until: datetime,
    at: datetime,
    doing: Doing,
    told: Told = nobody,
) -> Report:
    """The push messages that started in this span, each with its results so far; one file of each table per message."""
    report = Report()
    attempts = [
        Attempt("message_events", one.key, f"message {one.key}", partial(_message, netmera, one, folder, since, at))
        for one in netmera.messages(since, until)
    ]
    try_all(attempts, folder, VENDOR, at, report, doing, told)
    return report


def message_file(key: str) -> str:
    """The name of the landing file of a message."""
    return f"{VENDOR}-{key}"


def _message(netmera: Netmera, message: Message, folder: LandingFolder, since: datetime, at: datetime) -> Wrote:
    name = message_file(message.key)
    title: str | None = None
    nameless = came = 0
    with folder.replacing("message_events", name) as file:
        for result in netmera.results(message, message.started or since, at):
            came += 1
            title = title or result.title
            kind = _KINDS.get(result.status)
            if result.external_id is None or kind is None:
                nameless += 1
                continue
            file.write({"message_id": message.key, "user_id": result.external_id, "kind": kind, "ts": result.at})
        before = folder.rows("message_events", name) or 0
        if file.rows < before:
            told = f"{file.rows:,} results came of which {before:,} are there; Netmera forgets them after two weeks"
            raise ShortRead(VENDOR, f"results of message {message.key}", told)
    status = _STATUSES.get(message.status, "draft")
    # Netmera does not tell for whom a message was; whoever had it sent from here has written it down, maybe just now.
    known = folder.first_row("messages", name) or {}
    with folder.replacing("messages", name) as messages:
        messages.write(
            {"message_id": message.key, "title": title or known.get("title") or f"message {message.key}",
             "channel": "push", "status": status, "created_at": known.get("created_at") or message.started,
             "sent_at": message.started if status == "sent" else None, "segments": known.get("segments")}
        )  # fmt: skip
    remark = None
    if nameless:
        remark = f"netmera, message {message.key}: {nameless:,} of {came:,} results name no externalId and are left out"
    rows = {folder.shown("message_events", name): file.rows, folder.shown("messages", name): 1}
    return Wrote(rows, remark=remark)


def _international(msisdn: str | None) -> str | None:
    """Netmera stores numbers with their country code and hands them out without the plus."""
    return f"+{msisdn}" if msisdn and msisdn.isdecimal() else msisdn
