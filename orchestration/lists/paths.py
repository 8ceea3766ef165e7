"""Where the file of a list lies, and what is said when it is not there.

A path in a segment file is relative to that file. Not here: what is inside (`read.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from segmentation.language.folder import Folder
from segmentation.language.model import Definition, StaticList
from segmentation.language.problems import Problem, did_you_mean


def list_of(definition: Definition) -> StaticList:
    """The body of a definition of kind `list`."""
    assert isinstance(definition.body, StaticList)
    return definition.body


def path_of(definition: Definition) -> Path:
    """The file that holds the list."""
    return Path(definition.file).parent / list_of(definition).file


def not_there(definition: Definition) -> str | None:
    """One sentence if there is no such file, with the nearest name beside it; None if there is one."""
    path, written = path_of(definition), list_of(definition).file
    if path.is_file():
        return None
    if path.is_dir():
        return f"found a folder at {written!r}, expected a file of identifiers"
    beside = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
    near = did_you_mean(path.name, sorted(beside))
    where = "" if path.parent.is_dir() else f" (there is no folder {path.parent.name!r} either)"
    return f"found no file {written!r}, expected a path relative to the segment file{where}{near}"


def lists_there(definitions: Mapping[str, Definition]) -> dict[str, Definition]:
    """Those of the definitions that are lists and have a file."""
    return {name: one for name, one in definitions.items() if one.kind == "list" and not_there(one) is None}


def missing_lists(folder: Folder) -> list[Problem]:
    """The lists of a folder whose file is not there, each at the line that names it."""
    return [
        Problem(definition.file, folder.list_lines.get(name, 1), reason)
        for name, definition in folder.definitions.items()
        if definition.kind == "list" and (reason := not_there(definition))
    ]
