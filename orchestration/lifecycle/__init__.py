"""What people do to a segment as a whole: clone, pause, resume, pin, unpin, delete it, and open it again.

The segment's file is the truth, so each of them writes, edits or moves that file as a person would, and the next run
finds it so. Commands and jobs of Dagster both go through here. Every change is logged (`changes.py`).
Not here: calculating a segment now, which leaves its file alone (`inbox.py`), and what runs make of a file that was
changed (`decisions.py`).
"""

from orchestration.lifecycle.cloning import clone
from orchestration.lifecycle.editing import pause, pin, resume, unpin
from orchestration.lifecycle.files import Done
from orchestration.lifecycle.moving import InUse, delete, reopen

__all__ = ["Done", "InUse", "clone", "delete", "pause", "pin", "reopen", "resume", "unpin"]
