"""What is odd about `activate` beyond its words: one segment that goes to a place in two ways, and several segments at
one place, which would undo each other's work, as each takes back whom it does not know.

Members are calculated all the same. Not here: which of several segments may send (`rivals.py`), and what one file says
by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from orchestration.activation.named import Activation, activations_of
from segmentation.language.folder import Folder
from segmentation.language.model import Definition
from segmentation.language.problems import Problem

SHOWN = {"netmera_tag": "tag", "netmera_push": "tag", "meta": "Meta audience", "google": "Google audience"}


def two_ways(folder: Folder) -> list[Problem]:
    """An error for each file whose items contradict each other, at the line of its `activate`."""
    found = []
    for name, definition in folder.definitions.items():
        try:
            for one in activations_of(definition):
                refuse_kept(one, definition)
        except ValueError as error:
            found.append(Problem(definition.file, _line(folder, name), f"found that {error}"))
    return sorted(found)


def refuse_kept(activation: Activation, definition: Definition) -> None:
    """Raises ValueError in one sentence for messages to a tag that the segment's file leaves with whoever is out of it:
    before each message it would be taken from them."""
    kept = ("netmera_tag", activation.place, False)
    if activation.to == "netmera_push" and kept in (
        (one.to, one.place, one.mirrors) for one in activations_of(definition)
    ):
        raise ValueError(
            f"{definition.name} leaves the tag {activation.place} with whoever is out of it (add_only), and a message"
            " to it takes it from them; expected another tag for the message"
        )


def at_places(definitions: Iterable[Definition]) -> Mapping[tuple[str, str], Mapping[str, Activation]]:
    """The sets that segments make, by what they are and their name; in each, segments with how they go there."""
    found: dict[tuple[str, str], dict[str, Activation]] = {}
    for definition in definitions:
        with suppress(ValueError):  # of items that contradict each other nothing is sent
            for one in activations_of(definition):
                if one.to in SHOWN:
                    found.setdefault((SHOWN[one.to], one.place), {})[one.segment] = one
    return found


def others_at(activation: Activation, definitions: Iterable[Definition]) -> list[str]:
    """Other segments that go where an activation goes."""
    found = at_places(definitions).get((SHOWN[activation.to], activation.place), {})
    return [segment for segment in found if segment != activation.segment]


def shared(folder: Folder) -> list[Problem]:
    """A warning for each file whose segment goes where another one goes: one of them will not be sent."""
    found = []
    for (what, place), segments in at_places(folder.definitions.values()).items():
        for name in segments if len(segments) > 1 else ():
            others = ", ".join(folder.definitions[other].file for other in segments if other != name)
            message = f"found that {others} sends to the {what} {place!r} as well, expected one segment for a place"
            found.append(Problem(folder.definitions[name].file, _line(folder, name), message))
    return sorted(found)


def _line(folder: Folder, name: str) -> int:
    return next(_lines_of("activate", folder.sources[name].text), 1)


def _lines_of(word: str, text: str) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith((f"{word}:", f'"{word}":')):
            yield number
