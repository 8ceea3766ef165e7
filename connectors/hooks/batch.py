"""What a receiver is told: some changes of one segment, as the same bytes whenever they are made.

The signature is over bytes, and a batch that nobody knows the fate of is sent again as it was. So nothing in it is of
the moment of sending. Not here: which changes, and the id that a batch goes by (`orchestration/activation/feed.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """`change` is entered or left, `at` the moment of the run that saw it, as text in UTC."""

    id: str
    change: str
    user_id: str
    external_id: str | None
    at: str
    cause: str


@dataclass(frozen=True)
class Batch:
    """Events in the order in which they happened; one person may be in it several times. `as_of` is the moment of the
    last run that was looked at, as text in UTC."""

    id: str
    segment: str
    as_of: str
    events: Sequence[Event]

    @property
    def body(self) -> bytes:
        """The JSON that is posted and signed."""
        told = {
            "id": self.id,
            "segment": self.segment,
            "as_of": self.as_of,
            "events": [
                {
                    "id": one.id,
                    "change": one.change,
                    "user_id": one.user_id,
                    "external_id": one.external_id,
                    "at": one.at,
                    "cause": one.cause,
                }
                for one in self.events
            ],
        }
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def people(self) -> tuple[str, ...]:
        """Ids that no error may quote."""
        return tuple({id_ for one in self.events for id_ in (one.user_id, one.external_id) if id_})
