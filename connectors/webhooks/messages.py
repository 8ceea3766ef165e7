"""What a vendor posts, checked and in one shape: JSON in, a page or a batch out, or a sentence about what is wrong.

Not here: what becomes of it (held.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.accounts import Members
from connectors.streams import as_json

Action = Literal["members", "add_members", "remove_members"]
ACTIONS: tuple[Action, ...] = ("members", "add_members", "remove_members")
_MIXPANEL_COLUMNS = {"mixpanel_distinct_id", "email", "phone_number"}


class Unusable(ValueError):
    """A message that no retry mends; the sentence holds nothing of what it said about people."""


@dataclass(frozen=True)
class Member:
    """A person in an audience, as a row of `audience_members`; `properties` is a JSON object as text."""

    user_id: str
    email: str | None
    msisdn: str | None
    properties: str


@dataclass(frozen=True)
class Page:
    """One of `pages` pages (from 1) of what one session of Mixpanel does to a cohort."""

    audience_id: str
    name: str
    description: str
    session: str
    action: Action
    page: int
    pages: int
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Batch:
    """Users who entered an Amplitude cohort, or left it; `nameless` more have no user_id and are not in `members`."""

    audience_id: str
    name: str
    message_id: str
    entered: bool
    computed: datetime
    members: tuple[Member, ...]
    nameless: int


def mixpanel_page(found: Any) -> Page:
    """Raises Unusable for anything but a cohort sync's message."""
    action = _of(found, "action", str, "the message")
    if action not in ACTIONS:
        raise Unusable(f"action is none of {', '.join(ACTIONS)}")
    parameters = _of(found, "parameters", dict, "the message")
    info = _of(parameters, "page_info", dict, "parameters")
    page, pages = _of(info, "page_count", int, "page_info"), _of(info, "total_pages", int, "page_info")
    if not 1 <= page <= max(pages, 1):
        raise Unusable(f"page_count is {page} of {pages}")
    return Page(
        audience_id=_id(parameters, "mixpanel_cohort_id"),
        name=str(parameters.get("mixpanel_cohort_name") or ""),
        description=str(parameters.get("mixpanel_cohort_description") or ""),
        session=_id(parameters, "mixpanel_session_id"),
        action=action,
        page=page,
        pages=max(pages, 1),
        members=tuple(_mixpanel_member(one) for one in _of(parameters, "members", list, "parameters")),
    )


def _mixpanel_member(one: Any) -> Member:
    if not isinstance(one, dict):
        raise Unusable("a member is no object")
    rest = {key: value for key, value in one.items() if key not in _MIXPANEL_COLUMNS}
    return Member(
        _id(one, "mixpanel_distinct_id"), _text(one.get("email")), _text(one.get("phone_number")), as_json(rest)
    )


def amplitude_batch(found: Any, members: Members) -> Batch:
    """Raises Unusable for anything but a cohort webhook's message."""
    try:
        computed = datetime.fromtimestamp(int(_id(found, "computed_time")), UTC)
    except (ValueError, OverflowError, OSError):
        raise Unusable("computed_time is no time in seconds") from None
    users = _of(found, "users", list, "the message")
    named = [one for one in users if isinstance(one, dict) and one.get("user_id")]
    return Batch(
        audience_id=_id(found, "cohort_id"),
        name=str(found.get("cohort_name") or ""),
        message_id=_id(found, "message_id"),
        entered=_of(found, "in_cohort", bool, "the message"),
        computed=computed,
        members=tuple(_amplitude_member(one, members) for one in named),
        nameless=len(users) - len(named),
    )


def _amplitude_member(one: Mapping[str, Any], members: Members) -> Member:
    properties = one.get("user_properties")
    rest = dict(properties) if isinstance(properties, dict) else {}
    email, msisdn = rest.pop(members.email_property, None), rest.pop(members.msisdn_property, None)
    return Member(str(one["user_id"]), _text(email), _text(msisdn), as_json(rest))


def _of(found: Any, key: str, kind: type, where: str) -> Any:
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, kind) or kind is int and isinstance(value, bool):
        raise Unusable(f"{where} has no {key}")
    return value


def _id(found: Any, key: str) -> str:
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
        raise Unusable(f"there is no {key}")
    return str(value)


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
