"""Sessions in which Meta counts what comes in batches: it closes one by itself 90 minutes after its first batch.

Not here: the calls.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.clock import Clock
from connectors.destinations import Receipt
from connectors.errors import SessionExpired, ShortRead
from connectors.meta.api import VENDOR

# A batch that comes so late is the last of its session, and what comes later still, of another. The rest of the 90
# minutes is for pauses between attempts, and for calls.
_CLOSED_AFTER, _LEFT_AFTER = timedelta(minutes=60), timedelta(minutes=80)


@dataclass
class _Session:
    """`batches`, `rows` and `invalid` are what was acknowledged so far;
    `closing` that the batch on its way is the last."""

    number: int
    opened: datetime
    rows_announced: int
    batches: int = 0
    rows: int = 0
    invalid: int = 0
    closing: bool = False
    closed: bool = False


class Sessions:
    """As many as it takes, or `only_one`, as a replacement is one session. `rows` is how many are to come."""

    def __init__(self, clock: Clock, rows: int, only_one: bool = False) -> None:
        self._clock, self._rows_left, self._only_one = clock, rows, only_one
        self._open: _Session | None = None

    def place(self, asked: str, last: bool, unsure: bool) -> dict[str, object]:
        """The place of the next batch, which is the `last` one, or is sent again though it may have arrived (`unsure`).

        Then it goes into a session of its own, since nobody knows what Meta makes of a batch with a number that came
        before. Raises SessionExpired for a replacement that takes too long or is finished.
        """
        session = self._open
        if session and self._only_one:
            self._require_time(session, asked)
        if session is None or not self._only_one and (unsure or session.closed or self._age(session) > _LEFT_AFTER):
            session = _Session(secrets.randbelow(2**63 - 1) + 1, self._clock.now(), max(1, self._rows_left))
        session.closing = last or not self._only_one and self._age(session) > _CLOSED_AFTER
        self._open = session
        return {
            "session_id": session.number,
            "batch_seq": session.batches + 1,
            "last_batch_flag": session.closing,
            "estimated_num_total": session.rows_announced,
        }

    def leave(self) -> None:
        """Nothing more goes into the session; there is no other for a replacement, in which a batch is tried again."""
        if not self._only_one:
            self._open = None

    def arrived(self, asked: str, rows: int, received: int, invalid: int) -> Receipt:
        """Notes a batch. `received` and `invalid` are Meta's counts of the whole session.

        Raises ShortRead if fewer came than were sent.
        """
        session = self._open
        assert session
        session.batches, session.closed = session.batches + 1, session.closing
        session.rows += rows
        self._rows_left -= rows
        if received < session.rows:
            self.leave()
            raise ShortRead(VENDOR, asked, f"{received:,} of the {session.rows:,} members of a session came")
        news = max(0, invalid - session.invalid)
        session.invalid = max(invalid, session.invalid)
        return Receipt(rows, news)

    def _age(self, session: _Session) -> timedelta:
        return self._clock.now() - session.opened

    def _require_time(self, replacement: _Session, asked: str) -> None:
        if replacement.closed:
            raise SessionExpired(VENDOR, asked, "the replacement is finished already; begin it anew")
        if self._age(replacement) > _LEFT_AFTER:
            told = "it takes longer than the 90 minutes that Meta gives a replacement; the members stay as they were"
            raise SessionExpired(VENDOR, asked, told)
