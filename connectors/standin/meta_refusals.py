"""How Meta's Graph API refuses: bodies as they were recorded or documented, by what is wrong.

Where no source says in which words, the code is right and the words are ours. Not here: when it refuses (meta.py).
"""

from __future__ import annotations

from typing import Any

from connectors.standin.server import Reply, as_json

_KIND = "GraphMethodException"


def _error(status: int, code: int, message: str, subcode: int | None = None, kind: str = _KIND, **more: Any) -> Reply:
    numbers = {"code": code} if subcode is None else {"code": code, "error_subcode": subcode}
    return as_json({"error": {"message": message, "type": kind, **numbers, **more}}, status)


def parameter(told: str, subcode: int | None = None, **more: Any) -> Reply:
    """What was sent is not what was expected."""
    return _error(400, 100, f"(#100) {told}", subcode, "OAuthException", fbtrace_id="ADB2jAGDMC_CbfM9430kDdQ", **more)


def conflict(subcode: int) -> Reply:
    """A replacement is in the way, or is not done as it should be."""
    return _error(400, 2650, "Failed to update the custom audience", subcode)


_EXPIRED = (
    "Error validating access token: Session has expired on Tuesday, 01-Aug-23 10:12:14 PDT. The current time is Sunday,"
    " 28-Jan-24 16:01:17 PST."
)
_MISSING = (
    "Missing permission. Please make sure you have ads_management permission and the application is included in the"
    " allowlist"
)
_PAGE = b"<!DOCTYPE html><html> <body> <h1>My First Heading</h1><p>My first paragraph.</p> </body></html>"
# In the order of the words of `Faults.refusal`.
REFUSALS = {
    "token_expired": _error(
        400, 190, _EXPIRED, 463, "OAuthException", error_user_msg=_EXPIRED, fbtrace_id="A3b8C6PpI-kdIOwPwV4PANi"
    ),
    "token_unknown": _error(
        400, 190, "Invalid OAuth access token - Cannot parse access token", None, "OAuthException",
        fbtrace_id="AxFa_0JxfQ4sctzqEQisyeJ",
    ),
    "may_not_update": _error(
        403, 200, "(#200) The current user can not update audience 23861283180290489", None, "OAuthException",
        fbtrace_id="AFfWqjY-_y2Q92DsyJ4DQ6f",
    ),
    "permission_missing": _error(400, 294, _MISSING),
    "terms_not_accepted": _error(400, 200, "Permissions error", 1870090),
    "messaging_terms_not_accepted": _error(
        400, 2655, "(#2655) Marketing Messaging TOS not accepted", None, "OAuthException", fbtrace_id="fbtrace_id"
    ),
    "not_shared": _error(
        400, 1487301, "Custom Audience Unavailable: The custom audience you are trying to use has not been shared with"
        " your ad account",
    ),
    "deleted": _error(400, 1487366, "Custom Audience Has Been Deleted"),
    "not_there": parameter(
        "Unsupported post request. Object with ID does not exist, cannot be loaded due to missing permissions, or does"
        " not support this operation", 33,
    ),
    "flagged": _error(
        400, 100, "Invalid parameter", 1713230, "OAuthException", error_user_title="Audience Upload Blocked",
        error_user_msg="Before updating user memberships, you must resolve integrity restrictions on this Data File"
        " Custom Audience. Go to Audience Manager to appeal the restrictions or create a new audience with updated"
        " data",
    ),
    "too_large": conflict(1870144),
    "update_failed": _error(400, 2650, "Failed to update the custom audience"),
    "value_missing": parameter("Value-Based Custom Audience requires LOOKALIKE_VALUE attribute."),
    "too_many_calls": _error(429, 80003, "There have been too many calls to this ad-account."),
    "too_many_parameters": _error(
        400, 105, "The number of parameters exceeded the maximum for this operation"
    ),
    "too_much": _error(
        500, 1, "Please reduce the amount of data you're asking for, then retry your request", None, "OAuthException"
    ),
    "server_failed": _error(
        500, 2, "An unexpected error has occurred. Please retry your request later.", None, "OAuthException",
        is_transient=True,
    ),
    "page": Reply(400, _PAGE, {"Content-Type": "text/html"}),
}  # fmt: skip
