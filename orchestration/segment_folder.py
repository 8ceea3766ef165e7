"""The segments of a workspace: what its folder of files defines, and the system segments that exist without one.

Not here: reading the files (`segmentation/language`), and `segments evaluate`, which is about the files alone.
"""

from __future__ import annotations

from orchestration.settings import Settings
from segmentation.language.folder import Folder, load_folder
from segmentation.plan.system import with_system


def segments_of(settings: Settings) -> Folder:
    """Everything a run computes. Raises ValueError if there is no such folder."""
    return with_system(load_folder(settings.segments), settings.events)
