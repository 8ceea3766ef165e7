"""What can go wrong at a vendor, one class per thing a person would do about it.

Each message is one sentence: vendor, what was asked for, status, what to do. It holds no secret and nobody's id or
address, so it may be logged and shown anywhere. Not here: which answer means which error (each vendor's module).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime

_LONGEST_QUOTE = 200
_FEWEST_PRIVATE, _ANYWHERE = 3, 8  # characters of a text that is left out, and of one inside of words, too
_ADDRESS = re.compile(r"[^\s\"'<>]+@[^\s\"'<>]+")
_DIGEST = re.compile(r"\b[0-9a-fA-F]{32,}\b")  # by which a vendor knows somebody
_LONG_NUMBER = re.compile(r"\+?\d[\d\s().-]{8,}\d")


class ConnectorError(Exception):
    """A pull that could not be done. `vendor`, `asked` and `status` (None without an answer) are what it names."""

    def __init__(self, vendor: str, asked: str, said: str, status: int | None = None) -> None:
        self.vendor, self.asked, self.status = vendor, asked, status
        answered = f" (HTTP {status})" if status is not None else ""
        super().__init__(f"{vendor}, {asked}{answered}: {said}")


class NotConfigured(ConnectorError):
    """A setting is missing or cannot be, or the server that it names is not trusted; nothing was asked."""


class CredentialsRefused(ConnectorError):
    """The key, secret, account or region is not accepted. Asking again cannot help, and may lock the account."""


class NotAllowed(ConnectorError):
    """The credentials are right, and the plan or the permissions do not cover this."""


class Gone(ConnectorError):
    """What was asked for is not there any more and will not be again: nothing is to be asked of it until a person has
    looked into it."""


class BudgetSpent(ConnectorError):
    """The vendor's allowance of calls is used up until `free_at` (None: unknown)."""

    def __init__(
        self, vendor: str, asked: str, said: str, status: int | None = None, free_at: datetime | None = None
    ) -> None:
        super().__init__(vendor, asked, said, status)
        self.free_at = free_at


class VendorBusy(ConnectorError):
    """The vendor cannot answer now: too many calls, an error of its own, no connection. The one kind that is retried.

    `retry_after` is in seconds, as the vendor asked for; None if it did not.
    """

    def __init__(
        self, vendor: str, asked: str, said: str, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(vendor, asked, said, status)
        self.retry_after = retry_after


class BrokenStream(ConnectorError):
    """The answer began well and was cut, or what came cannot be read."""


class ShortRead(ConnectorError):
    """Everything could be read, and it is less (or other) than the vendor says there is."""


class SessionExpired(ShortRead):
    """Paging cannot go on where it was; it can start anew."""


class Refused(ConnectorError):
    """Everything came, and it is not believed: a gate kept it from the place of the last good file."""


class WindowTooLarge(ConnectorError):
    """The vendor refuses so much at once; a smaller window can be asked for."""


class BadAnswer(ConnectorError):
    """An answer that this client does not understand, or a refusal of what was asked."""


def quoted(text: str, private: Iterable[str] = ()) -> str:
    """A vendor's own words, fit for a log: one line, not long, and without anything private.

    `private` are texts to leave out (secrets, ids of people), as they are or as JSON spells them: long ones wherever
    they are, shorter ones as words of their own, and none of one or two characters, with which every number of a
    sentence would go. Addresses, hashes and long numbers go in any case.
    """
    spelled = {way for one in map(str.strip, private) for way in (one, json.dumps(one)[1:-1])}
    for one in sorted(spelled, key=len, reverse=True):
        if len(one) >= _FEWEST_PRIVATE and one in text:
            word = re.escape(one)
            text = re.sub(word if len(one) >= _ANYWHERE else rf"(?<!\w){word}(?!\w)", "***", text)
    for pattern in (_ADDRESS, _DIGEST, _LONG_NUMBER):
        text = pattern.sub("***", text)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 3] + "..."
