"""What Google's Data Manager API demands of a request for audience members, told as it tells what is missing.

Fields that its reference does not name are refused, as are those that no Customer Match of ours could need. Not here:
what a request does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.destinations import Action

_ACCOUNT = {"accountType": str, "accountId": str}
_ADDRESS = {"givenName": str, "familyName": str, "regionCode": str, "postalCode": str}
_IDENTIFIER = {"emailAddress": str, "phoneNumber": str, "address": _ADDRESS}
_CONSENT = {"adUserData": str, "adPersonalization": str}
_REMOVE: dict[str, Any] = {
    "destinations": [
        {"reference": str, "loginAccount": _ACCOUNT, "operatingAccount": _ACCOUNT, "productDestinationId": str}
    ],
    "audienceMembers": [{"userData": {"userIdentifiers": [_IDENTIFIER]}, "consent": _CONSENT}],
    "encoding": str,
}
_SHAPES: Mapping[Action, Any] = {
    "remove": _REMOVE,
    "add": {**_REMOVE, "consent": _CONSENT, "termsOfService": {"customerMatchTermsOfServiceStatus": str}},
}
_HASHED = ("emailAddress", "phoneNumber", "givenName", "familyName")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


@dataclass(frozen=True)
class Violation:
    """What is wrong at a field; a field that is unknown has no reason."""

    field: str
    reason: str
    description: str


def violation_of(action: Action, body: Mapping[str, Any]) -> Violation | None:
    """The first thing that is wrong; None for a request that is taken."""
    return next(_violations(action, body), None)


def members_of(body: Mapping[str, Any]) -> list[frozenset[str]]:
    """The identifiers of each member of a request in which nothing is wrong."""
    return [
        frozenset(_text(identifier) for identifier in one["userData"]["userIdentifiers"])
        for one in body["audienceMembers"]
    ]


def _text(identifier: Mapping[str, Any]) -> str:
    (value,) = identifier.values()
    return " ".join(value.values()) if isinstance(value, dict) else str(value).lower()


def _violations(action: Action, body: Mapping[str, Any]) -> Iterator[Violation]:
    yield from _unknown(body, _SHAPES[action], "")
    destinations, members = body.get("destinations") or [], body.get("audienceMembers") or []
    for name, found in (("destinations", destinations), ("audience_members", members)):
        if not found:
            yield Violation(name, "REQUIRED_FIELD_MISSING", "Required field is missing.")
    if len(destinations) > 1:
        yield Violation("destinations", "INVALID_DESTINATION", "This stand-in has one account.")
    for name in ("operatingAccount", "productDestinationId"):
        if name not in destinations[0]:
            yield Violation(f"destinations[0].{_snake(name)}", "REQUIRED_FIELD_MISSING", "Required field is missing.")
    if len(members) > 10_000:
        told = "Maximum number of audience members allowed per request is 10,000."
        yield Violation("audience_members", "TOO_MANY_AUDIENCE_MEMBERS", told)
    if body.get("encoding") != "HEX":
        yield Violation("encoding", "INVALID_ENUM_VALUE", "Enum value cannot be used.")
    if action == "add":
        yield from _unsaid(body)
    for place, member in enumerate(members):
        yield from _of_member(f"audience_members[{place}]", member)


def _unsaid(body: Mapping[str, Any]) -> Iterator[Violation]:
    if body.get("termsOfService", {}).get("customerMatchTermsOfServiceStatus") != "ACCEPTED":
        told = "Required terms and conditions are not accepted."
        yield Violation("terms_of_service", "TERMS_AND_CONDITIONS_NOT_SIGNED", told)
    for name in _CONSENT:
        if body.get("consent", {}).get(name) != "CONSENT_GRANTED":
            yield Violation(f"consent.{_snake(name)}", "INVALID_ENUM_VALUE", "Enum value cannot be used.")


def _of_member(at: str, member: Mapping[str, Any]) -> Iterator[Violation]:
    identifiers = member.get("userData", {}).get("userIdentifiers") or []
    if not identifiers:
        yield Violation(at, "INVALID_AUDIENCE_MEMBER", "This audience member is not valid.")
    if len(identifiers) > 10:
        told = "Maximum number of user identifiers allowed per audience member is 10."
        yield Violation(f"{at}.user_data.user_identifiers", "TOO_MANY_USER_IDENTIFIERS", told)
    for place, one in enumerate(identifiers):
        field = f"{at}.user_data.user_identifiers[{place}]"
        if len(one) != 1:
            yield Violation(field, "INVALID_FORMAT", "Format is invalid.")
        address = one.get("address", {})
        for name in (missing for missing in _ADDRESS if address and missing not in address):
            yield Violation(f"{field}.address.{_snake(name)}", "REQUIRED_FIELD_MISSING", "Required field is missing.")
        for name, value in {**one, **address}.items():
            if name not in _HASHED:
                continue
            if not _HEX.fullmatch(value):
                told = "The HEX encoded value is malformed."
                yield Violation(f"{field}.{_snake(name)}", "INVALID_HEX_ENCODING", told)
            elif len(value) != 64:
                told = "The SHA256 encoded value is malformed."
                yield Violation(f"{field}.{_snake(name)}", "INVALID_SHA256_FORMAT", told)


def _unknown(found: Any, shape: Any, at: str) -> Iterator[Violation]:
    if isinstance(shape, dict) and isinstance(found, dict):
        for name, value in found.items():
            if name not in shape:
                place = f" at '{at}'" if at else ""
                told = f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.'
                yield Violation(at, "", told)
            else:
                yield from _unknown(value, shape[name], f"{at}.{_snake(name)}".lstrip("."))
    elif isinstance(shape, list) and isinstance(found, list):
        for number, one in enumerate(found):
            yield from _unknown(one, shape[0], f"{at}[{number}]")
    elif not (shape is str and isinstance(found, str)):
        yield Violation(at, "", f"Invalid value at '{at}'")


def _snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()
