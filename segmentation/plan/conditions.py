"""Conditions: every distinct leaf once, each with a bit; and the blocks that compute those bits together.

A block is one query that yields the bits of up to 64 conditions for the users it knows; users it does not yield have
none of them. Families of leaves make blocks; this module gives out the bits.
Not here: what any leaf means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar

from segmentation.plan.sql import Sql

WORD = 64

T = TypeVar("T")


@dataclass(frozen=True)
class Bit:
    """Where an answer stands: a word of `user_conditions` (`c0`, `c1`, ...) or of `roll_bits` (`r0`, ...), and a
    position in it."""

    word: int
    position: int
    letter: Literal["c", "r"] = "c"

    @property
    def column(self) -> str:
        """The word's column."""
        return f"{self.letter}{self.word}"

    def test(self, alias: str, *, is_set: bool = True) -> Sql:
        """True for users who have the bit, or who do not have it; never null."""
        return Sql(f"({alias}.{self.column} & {1 << self.position}::ubigint) {'<>' if is_set else '='} 0")

    def moved(self, alias: str, position: int) -> Sql:
        """The bit alone, at another position of a word."""
        distance = self.position - position
        if distance >= 0:
            return Sql(f"(({alias}.{self.column} >> {distance}) & {1 << position}::ubigint)")
        return Sql(f"(({alias}.{self.column} & {1 << self.position}::ubigint) << {-distance})")


@dataclass(frozen=True)
class Answer:
    """A condition as the membership reads it: a bit, or its complement over all users."""

    bit: Bit
    negated: bool = False

    def test(self, alias: str, *, holds: bool = True) -> Sql:
        """True for users who satisfy the condition, or who do not; never null."""
        return self.bit.test(alias, is_set=holds != self.negated)


@dataclass(frozen=True)
class Block:
    """One query over one source.

    `tests` are what each bit asks of a row of `source` (called `t`), whose `person_no` says whose row it is. Profile
    blocks have no source, they are computed on the row of the user itself.
    """

    tests: tuple[Sql, ...]
    source: Sql | None = None


@dataclass
class Layout:
    """Gives bits to blocks. A block never straddles two words, so each word is one pass over its blocks."""

    words: list[list[tuple[int, Block]]]
    used: int = WORD

    @classmethod
    def empty(cls) -> Layout:
        """A layout without words."""
        return cls([])

    def place(self, block: Block) -> list[Bit]:
        """The bits of a block's tests, in their order."""
        size = len(block.tests)
        if size > WORD:
            raise ValueError(f"a block holds at most {WORD} conditions, found {size}")
        if self.used + size > WORD:
            self.words.append([])
            self.used = 0
        start = self.used
        self.words[-1].append((start, block))
        self.used += size
        return [Bit(len(self.words) - 1, start + n) for n in range(size)]

    def place_all(self, tests: Sequence[Sql], block: Callable[[tuple[Sql, ...]], Block]) -> list[Bit]:
        """The bits of any number of tests, in blocks of 64."""
        bits = []
        for start in range(0, len(tests), WORD):
            bits += self.place(block(tuple(tests[start : start + WORD])))
        return bits


def batches(leaves: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """Leaves in groups that fit one block."""
    rest = iter(leaves)
    while batch := tuple(islice(rest, WORD)):
        yield batch
