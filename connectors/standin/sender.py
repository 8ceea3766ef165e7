"""Mixpanel's cohort sync by webhook: posts pages of a cohort to a receiver, as the vendor does, and as it should not.

The first sync is a full copy; later ones are what was added and what was removed since the last one that went well.
Not here: the receiver (connectors/webhooks).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests


@dataclass
class Faults:
    """Off until set."""

    first_as_addition: bool = False
    last_page_first: bool = False
    repeated_page: int | None = None  # posted once more right after itself
    restarts_after_page: int | None = None  # the session is left there and a new one posts everything
    late_page: bool = False  # the page that the session before had still to post comes after the new one's first


@dataclass(frozen=True)
class Post:
    """A page as it was posted, and how it was answered."""

    action: str
    session: str
    page: int
    pages: int
    status: int


@dataclass
class MixpanelSender:
    """One synced cohort. Pages count from 1."""

    url: str
    username: str
    password: str
    cohort_id: str = "41001"
    cohort_name: str = "PN_lapsed_30d"
    page_size: int = 1000
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self._sessions = (f"s-{number}" for number in count(1))
        self._synced: list[str] | None = None

    def sync(self, ids: Sequence[str]) -> list[Post]:
        """Brings the receiver to these members."""
        if self._synced is None:
            changes = [("add_members" if self.faults.first_as_addition else "members", list(ids))]
        else:
            before = set(self._synced)
            added = [one for one in ids if one not in before]
            changes = [("add_members", added), ("remove_members", [one for one in self._synced if one not in set(ids)])]
        posts = [post for action, those in changes for post in self._session(action, those)]
        if all(post.status == 200 for post in posts):
            self._synced = list(ids)
        return posts

    def _session(self, action: str, ids: Sequence[str]) -> Iterator[Post]:
        pages = [ids[n : n + self.page_size] for n in range(0, len(ids), self.page_size)] or [[]]
        numbers = list(range(1, len(pages) + 1))
        if self.faults.last_page_first:
            numbers = [*numbers[-1:], *numbers[:-1]]
        left = next(self._sessions) if self.faults.restarts_after_page else None
        if left is not None:
            for number in numbers[: self.faults.restarts_after_page]:
                yield self._post(action, left, number, pages)
        session = next(self._sessions)
        for place, number in enumerate(numbers):
            yield self._post(action, session, number, pages)
            if number == self.faults.repeated_page:
                yield self._post(action, session, number, pages)
            if left is not None and self.faults.late_page and place == 0:
                yield self._post(action, left, numbers[self.faults.restarts_after_page or 0], pages)

    def _post(self, action: str, session: str, number: int, pages: Sequence[Sequence[str]]) -> Post:
        body: dict[str, Any] = {
            "action": action,
            "parameters": {
                "mixpanel_project_id": "77", "mixpanel_cohort_id": self.cohort_id,
                "mixpanel_cohort_name": self.cohort_name, "mixpanel_cohort_description": "",
                "mixpanel_session_id": session,
                "page_info": {"total_pages": len(pages), "page_count": number},
                "members": [{"mixpanel_distinct_id": one, "email": f"{one}@example.org"} for one in pages[number - 1]],
            },
        }  # fmt: skip
        answer = requests.post(self.url, json=body, auth=(self.username, self.password), timeout=30)
        return Post(action, session, number, len(pages), answer.status_code)
