"""Who a person is: every id and address that means them and nobody else.

Found from the landing files as they are and from what the last run matched. An address that another user has as well
names nobody, so nothing is removed by it alone. Not here: removing anything.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

_BLANK = {"Zs", "Zl", "Zp", "Cc", "Cf"}


def clean_id(text: str | None) -> str:
    """An id to the letter, without blanks around it; empty if there is nothing."""
    start, end = 0, len(text or "")
    while text and start < end and unicodedata.category(text[start]) in _BLANK:
        start += 1
    while text and end > start and unicodedata.category(text[end - 1]) in _BLANK:
        end -= 1
    return (text or "")[start:end]


def clean_email(text: str | None) -> str:
    """In lower case, one letter for one, without blanks around it."""
    return clean_id(text).replace("İ", "i").lower()


def clean_phone(text: str | None) -> str:
    """Without spaces and dashes."""
    return "".join(
        one for one in text or "" if unicodedata.category(one) not in {*_BLANK, "Pd"} and one != "\N{MINUS SIGN}"
    )


@dataclass(frozen=True)
class Person:
    """Or several that are erased together. Addresses are as the functions above write them.

    `source_ids` are ids at connectors, with the connector; `not_theirs` are such ids that carry one of the addresses
    and belong to somebody else; `ids_of_others` are user ids of theirs that are another user's external id.
    """

    user_ids: frozenset[str] = frozenset()
    external_ids: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    source_ids: frozenset[tuple[str, str]] = frozenset()
    not_theirs: frozenset[tuple[str, str]] = frozenset()
    ids_of_others: frozenset[str] = frozenset()

    def __or__(self, other: Person) -> Person:
        return Person(**{one.name: getattr(self, one.name) | getattr(other, one.name) for one in fields(Person)})

    @property
    def words(self) -> frozenset[str]:
        """Everything that names them and nobody else, as written."""
        ids = {id_ for _, id_ in self.source_ids}
        named = self.user_ids | self.external_ids | self.emails | self.phones | ids
        return frozenset(named - self.ids_of_others)

    def in_any_sense(self) -> Person:
        """The same, with words that may mean another user as well: for where one too many does no harm."""
        return replace(self, ids_of_others=frozenset())

    def has_address(self, email: str | None, phone: str | None) -> bool:
        """Whether one of two addresses is theirs."""
        by_email = bool(self.emails and email) and clean_email(email) in self.emails
        return by_email or (bool(self.phones and phone) and clean_phone(phone) in self.phones)

    def is_at(self, connector: str | None, id_: str | None) -> bool:
        """Whether an id at a connector is theirs; where no connector is told, any will do."""
        if not connector:
            return clean_id(id_) in {one for _, one in self.source_ids}
        return (connector, clean_id(id_)) in self.source_ids

    def is_listed(self, kind: str | None, identity: str | None) -> bool:
        """Whether a row of a list names them: by user id where its type is `g`, else by any of the others."""
        id_ = clean_id(identity)
        if kind == "g":
            return id_ in self.user_ids
        if id_ in self.external_ids or id_ in self.user_ids and id_ not in self.ids_of_others:
            return True
        return self.has_address(identity, identity)

    def owns(self, table: str, row: Mapping[str, str | None]) -> bool:
        """Whether a row of a landing table is theirs."""
        if table == "audience_members":
            at = (str(row.get("connector")), clean_id(row.get("connector_user_id")))
            by_address = self.has_address(row.get("email"), row.get("msisdn")) and at not in self.not_theirs
            return at in self.source_ids or by_address
        if table == "events":
            return row.get("user_id") in self.user_ids or (
                bool(self.source_ids) and self.is_at(row.get("source"), row.get("source_user_id"))
            )
        return row.get("user_id") in self.user_ids

    def named_in(self, text: str) -> bool:
        """Whether a text names them, as a word of its own: `ann` is not in `ann2`, nor in `ann@x.test`."""
        found = self._pattern.search(text) if self.words else None
        return found is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        spelled = {form for word in self.words for form in (word, json.dumps(word)[1:-1])}
        either = "|".join(re.escape(word) for word in sorted(spelled, key=len, reverse=True))
        return re.compile(rf"(?<![\w.@+%-])(?:{either})(?![\w@%-]|\.\w)", re.IGNORECASE)

    def as_json(self) -> dict[str, list[Any]]:
        """For the note that an erasure leaves itself until it is done."""
        return {one.name: sorted(map(_plain, getattr(self, one.name))) for one in fields(Person)}

    @staticmethod
    def from_json(said: Mapping[str, Iterable[Any]]) -> Person:
        """What `as_json` gave."""
        read: dict[str, Any] = {
            name: frozenset(tuple(one) if isinstance(one, list) else one for one in values)
            for name, values in said.items()
        }
        return Person(**read)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
