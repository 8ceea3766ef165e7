"""What is wrong with a segment file, and how it is said: file, line, what was found, what was expected.

Everything that reads a definition writes into one `Report`, so that one run shows every error of a file.
Not here: the checks themselves.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from segmentation.language.words import SYNONYMS
from segmentation.language.yaml_file import Atom, Items, Node


class Problem(NamedTuple):
    """One error or warning: the file's path, its line (from 1), and one sentence."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Report:
    """Collects the problems, warnings and segment references of one file while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.references: list[tuple[str, int]] = []  # segment name, line
        self.list_line: int | None = None  # the line that names the file of a list
        self.fresh_windows: list[tuple[str, int]] = []  # `today` and the like on events: word, line

    def error(self, line: int, message: str) -> None:
        """Notes an error in words of the caller's own."""
        self.problems.append(Problem(self.file, line, message))

    def warn(self, line: int, message: str) -> None:
        """Notes something legal that is hardly meant."""
        self.warnings.append(Problem(self.file, line, message))

    def wrong(self, node: Node, expected: str, *, hint: str = "") -> None:
        """Notes that a value is not what it has to be: `found 7, expected a list`, and a hint if there is one."""
        self.error(node.line, f"found {found(node)}, expected {expected}{hint}")

    def word(self, line: int, word: str, known: Iterable[str], where: str, *, hint: str = "") -> None:
        """Notes a word that the language does not have at this place."""
        known = list(known)
        if not hint and (meant := SYNONYMS.get(word.lower())) in known:
            hint = f"; did you mean {meant!r}?"
        hint = hint or strange_letter(word)
        some = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        self.error(line, f"found unknown word {word!r} {where}, expected {some}{hint or did_you_mean(word, known)}")


def found(node: Node) -> str:
    """How a value is called in a message."""
    if isinstance(node, Atom):
        if isinstance(node.value, str):
            return repr(node.value) if len(node.value) <= 80 else repr(node.value[:77] + "...")
        return "nothing" if node.value is None else node.text if len(node.text) <= 80 else f"{node.text[:77]}..."
    if isinstance(node, Items):
        return "a list" if node.items else "an empty list"
    return "a mapping" if node.fields else "an empty mapping"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one, if any does."""
    known = list(known)
    folded = {item.lower().replace("-", "_"): item for item in reversed(known)}
    close = difflib.get_close_matches(word.lower().replace("-", "_").replace(" ", "_"), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'within'?`, or nothing."""
    near = nearest(word, known)
    return f"; did you mean {near!r}?" if near else ""


def unknown_segment(name: str, known: Iterable[str], where: object = None) -> str:
    """What is said of a name that no segment has, and of a folder that was looked through, if one was."""
    return f"there is no segment {name!r}{f' in {where}' if where else ''}{did_you_mean(name, sorted(known))}"


def strange_letter(word: str) -> str:
    """`; its letter 'о' is CYRILLIC SMALL LETTER O`, or nothing: no word of the language holds such letters."""
    if word == "<<":
        return "; YAML 1.2 has no merge keys, so the words stand where they count"
    letter = next((letter for letter in word if not letter.isascii()), None)
    if letter is None:
        return ""
    shown = letter if letter.isprintable() else f"\\u{ord(letter):04x}"
    return f"; its letter '{shown}' is {unicodedata.name(letter, 'unknown')}"


def one_of(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
