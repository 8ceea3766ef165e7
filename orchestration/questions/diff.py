"""What an edit of segments would do: who enters, leaves and stays on the same data at the same moment, and why.

Old and new are two folders. All that is asked of them is computed in one plan. Without a warehouse, rules are compared
in words alone. Not here: the values it comes to (`difference.py`), and how they are shown (`diff_markdown.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connectors.landing_files import LandingError
from orchestration.history.manifests import computed_texts
from orchestration.published import NothingPublished
from orchestration.questions.counted import Counted
from orchestration.questions.difference import Difference, Edit, Person, Reader, Shift, Told, Why, destinations
from orchestration.questions.edits import Laid, beside, lay
from orchestration.questions.moves import Alike, Flow
from orchestration.questions.probe import Probe, probing
from orchestration.questions.worlds import SIDES, Recorded, Worlds
from orchestration.settings import Settings
from orchestration.state import read_state
from orchestration.usage import Message, messages_to_be_sent
from segmentation.language.compare import Body, Side, Spot, reasons
from segmentation.language.describe import in_words
from segmentation.language.folder import Folder, load_texts
from segmentation.language.model import Definition, Leaf

NOTHING_RECORDED = Recorded({}, {}, {})


def differences(
    settings: Settings,
    names: Sequence[str],
    old: Folder | None,
    new: Folder,
    *,
    as_of: datetime | None = None,
    people: int = 0,
) -> tuple[datetime | None, list[Difference]]:
    """The moment of comparison (None without a warehouse), and each segment's difference.

    `old` None is what the last runs computed. `people` are named for each segment at most. Raises NothingPublished if
    there is nothing to compare with, WarehouseBusy, and ValueError in one sentence.
    """
    try:
        with probing(settings) as probe:
            recorded = recorded_in(probe)
            before = old if old is not None else Folder(dict(recorded.definitions), [], [], set(), [])
            worlds = Worlds(before, new, recorded, settings.events)
            at = as_of or probe.as_of
            counted = Counted(probe, worlds, names, at, people)
            found = [_difference(worlds, name, counted) for name in names]
    except NothingPublished:
        if old is None:
            raise
        worlds, at = Worlds(old, new, NOTHING_RECORDED, settings.events), None
        found = [_difference(worlds, name, None) for name in names]
    return at, _with_messages(settings, found)


def recorded_in(probe: Probe) -> Recorded:
    """What the last runs left of every segment that is not deleted."""
    known = {
        name: one
        for name, one in read_state(probe.connection).segments.items()
        if one.computed_hash is not None and one.outcome != "deleted"
    }
    hashes = {name: one.computed_hash for name, one in known.items() if one.computed_hash is not None}
    folder = load_texts({f"{name}.yml": text for name, text in computed_texts(probe.connection, hashes).items()})
    return Recorded(
        hashes, folder.definitions, {name: one.computed_at for name, one in known.items() if one.computed_at}
    )


# ---------------------------------------------------------------- one segment


def _difference(worlds: Worlds, name: str, counted: Counted | None) -> Difference:
    old, new = (worlds.definition(side, name) for side in SIDES)
    laid = lay(old, new) if old is not None and new is not None else None
    edits = _edits(worlds, laid) if laid else []
    whys: list[Why] = []
    named: list[Person] = []
    if counted is not None and name in counted.groups:
        if name in counted.laid:
            edits, whys, named = _why(counted, name)
        else:  # a new segment, or one that is gone: there is nothing to lay it over
            named = [Person(user, one.enters, ()) for one in counted.groups[name] for user in one.sample]
    flow = counted.flows.get(name) if counted is not None else None
    readers = worlds.readers(name) if worlds.differs(name) else []
    return Difference(
        segment=name,
        change=_change(old, new),
        old=_told(old),
        new=_told(new),
        edits=tuple(edits),
        beside=tuple(beside(old, new)) if old is not None and new is not None else (),
        flow=flow,
        uncounted=None if flow is not None or counted is None else counted.failed.get(name),
        why=tuple(whys),
        data=_data(worlds, name, counted),
        readers=tuple(_reader(worlds, name, reader, counted) for reader in readers),
        messages=(),
        destinations=destinations(old, new),
        people=tuple(sorted(named, key=lambda one: one.place)),
        notes=tuple(_notes(worlds, name)),
    )


def _change(old: Definition | None, new: Definition | None) -> str:
    if old is None or new is None:
        return "deleted" if new is None else "new"
    if old.hash != new.hash:
        return "rule"
    return "beside" if [*beside(old, new)] else "same"


def _told(definition: Definition | None) -> Told | None:
    if definition is None:
        return None
    return Told(definition.kind, in_words(definition), definition.hash, definition.paused)


def _edits(worlds: Worlds, laid: Laid) -> list[Edit]:
    """The edits of the rule itself, and the segments that it reads if they mean something else now."""
    return [laid.edit(spot) for spot in laid.edits(worlds.differs)]


def _why(counted: Counted, name: str) -> tuple[list[Edit], list[Why], list[Person]]:
    laid = counted.laid[name]
    spots = laid.edits(counted.worlds.differs)
    sums: dict[Spot, dict[bool, Shift]] = {spot: {True: Shift(), False: Shift()} for spot in spots}
    groups: dict[tuple[bool, tuple[Spot, ...], tuple[tuple[bool | None, bool | None], ...]], int] = {}
    named: list[Person] = []
    for alike in counted.groups[name]:

        def holds(side: Side, leaf: Leaf | Body, alike: Alike = alike) -> bool:
            return counted.holds(name, alike, side, leaf)

        because = reasons(laid.node, holds)
        told = tuple(laid.standing(spot, holds) for spot in because)
        for spot in [*spots, *(one for one in because if one not in sums)]:
            both = sums.setdefault(spot, {True: Shift(), False: Shift()})
            both[alike.enters] = both[alike.enters].plus(laid.standing(spot, holds), alike.users, spot in because)
        key = (alike.enters, tuple(because), told)
        groups[key] = groups.get(key, 0) + alike.users
        reason = tuple(laid.reason(spot, *stands) for spot, stands in zip(because, told, strict=True))
        named += [Person(user, alike.enters, reason) for user in alike.sample]
    whys = [
        Why(enters, users, tuple(laid.reason(spot, *stands) for spot, stands in zip(because, told, strict=True)))
        for (enters, because, told), users in groups.items()
    ]
    edits = [laid.edit(spot, both[True], both[False]) for spot, both in sums.items()]
    return edits, sorted(whys, key=lambda one: (-one.users, one.enters)), named


def _data(worlds: Worlds, name: str, counted: Counted | None) -> tuple[int, int] | None:
    """People recorded whom the old rule does not name, and the reverse; None if another rule or moment was recorded."""
    old = worlds.definition("old", name)
    if counted is None or old is None or worlds.recorded.hashes.get(name) != old.hash:
        return None
    return counted.otherwise.get(name)


def _reader(worlds: Worlds, name: str, reader: str, counted: Counted | None) -> Reader:
    old, new = (worlds.definition(side, reader) for side in SIDES)
    either = new or old
    is_direct = any(one is not None and name in one.references for one in (old, new))
    note = None
    if reader in worlds.folders["new"].broken:
        note = "its file has an error: it keeps its members"
    elif worlds.is_at_rest(reader):
        note = "paused: it keeps its members"
    elif counted is not None and reader in counted.failed:
        note = counted.failed[reader]
    elif old is None or new is None:
        note = "new" if old is None else "deleted"
    flow = counted.flows.get(reader) if counted is not None else None
    return Reader(reader, either.kind if either else "who", is_direct, flow, note, destinations(old, new))


def _notes(worlds: Worlds, name: str) -> list[str]:
    old, new = (worlds.definition(side, name) for side in SIDES)
    notes = []
    if name in worlds.folders["old"].broken:
        notes.append("The old file has an error, so there is nothing to compare with.")
    if old is not None and new is not None and old.kind != new.kind:
        notes.append(f"Its kind changes from {old.kind} to {new.kind}, so its members come from somewhere else.")
    if (new or old) is not None and worlds.is_at_rest(name):
        notes.append("It is paused: it keeps its members, and this is what resuming it would do.")
    for definition in (new, old):
        if definition is not None and definition.kind == "live":
            notes.append(
                "Live segments are compared by the events of the moment's own day; what their log remembers of"
                " earlier profiles and filters does not count here."
            )
            break
    if (at := worlds.recorded.moments.get(name)) and worlds.last and at < worlds.last:
        notes.append(f"Its members were last calculated as of {at:%Y-%m-%dT%H:%M:%SZ}, before the last run.")
    return notes


def _with_messages(settings: Settings, found: list[Difference]) -> list[Difference]:
    """With the messages that use a segment or one of its readers, each once."""
    names = {one.segment: [one.segment, *(reader.segment for reader in one.readers)] for one in found}
    everybody: Collection[str] = {name for some in names.values() for name in some}
    try:
        messages: Mapping[str, tuple[Message, ...]] = messages_to_be_sent(settings, sorted(everybody))
    except LandingError as error:
        note = f"Which messages use it cannot be seen: {error}"
        return [replace(one, notes=(*one.notes, note)) for one in found]
    return [
        replace(one, messages=tuple((name, message) for name in names[one.segment] for message in messages[name]))
        for one in found
    ]


__all__ = ["Difference", "Flow", "differences", "recorded_in"]
