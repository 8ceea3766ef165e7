"""People in an audience as vendors know them: each is the identifiers that came together, and is found by any of them.

Not here: what counts as an identifier (each vendor's module).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

Person = frozenset[str]


def take_out(audience: set[Person], gone: Iterable[Person]) -> None:
    """Removes whoever has an identifier of somebody who goes."""
    having = defaultdict(list)
    for person in audience:
        for identifier in person:
            having[identifier].append(person)
    for one in gone:
        for identifier in one:
            audience.difference_update(having[identifier])
