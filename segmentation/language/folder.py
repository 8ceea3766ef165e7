"""A folder of segment files: all of them read, checked against each other, hashed and put into order.

Not here: one file alone (parse.py), and what a command does when something is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from segmentation.language.canonical import definition_hash
from segmentation.language.model import Definition
from segmentation.language.parse import Parsed, parse_text
from segmentation.language.problems import Problem, did_you_mean
from segmentation.language.words import SYSTEM_SEGMENTS

ENDINGS = (".yml", ".yaml")
DELETED = "deleted"  # the subfolder of files that define nothing until they are moved back


class Source(NamedTuple):
    """A segment file as it was read."""

    file: str
    text: str


@dataclass(frozen=True)
class Folder:
    """The definitions of a folder.

    `definitions` are the good ones by name; `problems` and `warnings` go by file and line; `broken` are the names
    whose file has an error, which a run may still refer to by their stored members; `order` names every good
    definition after those it refers to; `list_lines` are the lines that name the files of lists, by segment; `sources`
    are the files themselves by name, those with an error as well.
    """

    definitions: dict[str, Definition]
    problems: list[Problem]
    warnings: list[Problem]
    broken: set[str]
    order: list[str]
    list_lines: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)

    def readers_of(self, name: str) -> dict[str, Definition]:
        """The good definitions that read a segment themselves, by name."""
        return {other: one for other, one in self.definitions.items() if name in one.references}


def load_folder(path: str | Path, also: Iterable[Path] = (), instead: Mapping[Path, str] | None = None) -> Folder:
    """Reads every `*.yml` and `*.yaml` directly in a folder, and other files as if they were there.

    `instead` holds texts of files of the folder, there or not, that count in the place of what they hold now. Raises
    ValueError if there is no such folder.
    """
    folder = Path(path)
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no folder"
        raise ValueError(f"found {what} at {folder}, expected a folder of segment files (*.yml)")
    files = sorted(file for file in folder.iterdir() if file.suffix in ENDINGS and not file.is_dir())
    added = list(also)
    deleted = {file.stem for file in (folder / DELETED).glob("*") if file.suffix in ENDINGS and file not in added}
    texts = dict(instead or {})
    parsed = [
        parse_text(texts.pop(file), str(file)) if file in texts else _parse_file(file) for file in (*files, *added)
    ]
    parsed += [parse_text(text, str(file)) for file, text in sorted(texts.items())]
    return check_together(parsed, deleted)


def load_texts(texts: Mapping[str, str | bytes], deleted: Collection[str] = ()) -> Folder:
    """The same for texts by file name, which need not exist as files, and names of segments that are deleted."""
    return check_together([_parse(content, file) for file, content in sorted(texts.items())], deleted)


def _parse_file(file: Path) -> Parsed:
    try:
        content = file.read_bytes()
    except OSError as error:
        problem = Problem(str(file), 1, f"found a file that cannot be read ({error.strerror}), expected a segment")
        return Parsed(file.stem, None, (problem,), (), ())
    return _parse(content, str(file))


def _parse(content: str | bytes, file: str) -> Parsed:
    if isinstance(content, str):
        return parse_text(content, file)
    try:
        return parse_text(content.decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(file, line, "found bytes that are not UTF-8, expected text in UTF-8")
        return Parsed(Path(file).stem, None, (problem,), (), ())


def check_together(files: Iterable[Parsed], deleted: Collection[str] = ()) -> Folder:
    """What the files say together: names are unique, references known, and nothing refers to itself.

    A paused segment may refer to one that is deleted, as it keeps its members without it.
    """
    files = list(files)
    problems = [problem for one in files for problem in one.problems]
    warnings = [warning for one in files for warning in one.warnings]
    first: dict[str, Parsed] = {}
    doubled: set[str] = set()
    for one in files:
        if one.name in first:
            doubled.add(one.name)
            message = f"found a second segment named {one.name!r} (the first is {_file(first[one.name])}), expected one"
            problems.append(Problem(_file(one), 1, message))
        else:
            first[one.name] = one
    broken = {one.name for one in files if one.definition is None} | doubled
    known = {*first, *SYSTEM_SEGMENTS}
    for one in files:
        if one.definition is None:
            continue
        for name, line in one.references:
            if name not in known and name in deleted:
                message = f"found segment {name!r}, which is deleted (`segments reopen {name}` brings it back)"
                if one.definition.paused:
                    warnings.append(Problem(one.definition.file, line, message))
                else:
                    problems.append(Problem(one.definition.file, line, f"{message}, expected one that is not"))
                    broken.add(one.name)
            elif name not in known:
                hint = did_you_mean(name, sorted(known - {one.name}))
                message = f"found unknown segment {name!r}, expected the name of a segment in this folder{hint}"
                problems.append(Problem(one.definition.file, line, message))
                broken.add(one.name)
    for cycle in _cycles({name: one for name, one in first.items() if name not in broken}):
        for name, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            line = next(line for reference, line in first[name].references if reference == after)
            start = cycle.index(name)
            path = " -> ".join([*cycle[start:], *cycle[:start], name])
            message = f"found a cycle of segments {path}, expected none to refer to itself"
            problems.append(Problem(_file(first[name]), line, message))
        broken.update(cycle)
    good = {name: one.definition for name, one in first.items() if one.definition is not None and name not in broken}
    order = _order(good)
    hashed: dict[str, Definition] = {}
    hashes: dict[str, str] = {}
    for name in order:
        hashes[name] = definition_hash(good[name], hashes)
        hashed[name] = replace(good[name], hash=hashes[name])
    return Folder(
        definitions={name: hashed[name] for name in sorted(hashed)},
        problems=sorted(problems),
        warnings=sorted(warnings),
        broken=broken,
        order=order,
        list_lines={one.name: one.list_line for one in files if one.list_line is not None},
        sources={one.name: Source(_file(one), one.text) for one in files if one.text is not None},
    )


def _file(one: Parsed) -> str:
    return one.definition.file if one.definition is not None else one.problems[0].file


def _order(good: Mapping[str, Definition]) -> list[str]:
    """Names after the names they refer to, otherwise alphabetical."""
    order: list[str] = []
    done: set[str] = set()
    for root in sorted(good):
        stack = [(root, False)]
        while stack:
            name, ready = stack.pop()
            if name in done or name not in good:
                continue
            if ready:
                done.add(name)
                order.append(name)
            else:
                stack.append((name, True))
                stack.extend((other, False) for other in reversed(good[name].references) if other not in done)
    return order


def _cycles(files: Mapping[str, Parsed]) -> list[list[str]]:
    """The cycles among the references, each once, beginning at its first name in the alphabet."""
    edges = {
        name: sorted({reference for reference, _ in one.references if reference in files})
        for name, one in files.items()
    }
    cycles: dict[tuple[str, ...], None] = {}
    state: dict[str, int] = {}  # 1: on the path, 2: done
    for root in sorted(edges):
        path: list[str] = []
        stack = [(root, iter(edges[root]))] if root not in state else []
        while stack:
            name, rest = stack[-1]
            if state.get(name) is None:
                state[name] = 1
                path.append(name)
            after = next(rest, None)
            if after is None:
                state[name] = 2
                path.pop()
                stack.pop()
            elif state.get(after) == 1:
                cycle = path[path.index(after) :]
                low = cycle.index(min(cycle))
                cycles[(*cycle[low:], *cycle[:low])] = None
            elif after not in state:
                stack.append((after, iter(edges[after])))
    return [list(cycle) for cycle in cycles]
