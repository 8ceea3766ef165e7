"""Segments that a command was given by name: what is said of one that is unknown or cannot be read.

Not here: reading definitions (`segmentation/language/folder.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestration.cli.words import Failed, complain, shown_problem
from orchestration.segment_folder import segments_of
from orchestration.settings import Settings
from segmentation.language.folder import Folder
from segmentation.language.problems import unknown_segment


def folder_with(names: Iterable[str], settings: Settings) -> Folder:
    """The definitions of the workspace, in which all these names are read without errors; else ends the command."""
    folder = segments_of(settings)
    known = {*folder.definitions, *folder.broken}
    names = list(names)
    for name in names:
        if name not in known:
            complain(unknown_segment(name, known, settings.segments))
        elif name in folder.broken:
            for problem in folder.problems:
                if Path(problem.file).stem == name:
                    complain(shown_problem(str(problem)))
    if set(names) - set(folder.definitions):
        raise Failed
    return folder
