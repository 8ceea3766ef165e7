"""Stories of edits: some people, the old and the new rules, who moves, and why. One YAML file per story in `diffs/`.

All stories share one workspace, so that one run serves them all. People are named `<story>.<person>`; names of segments
are unique among the stories, and what is expected is about the story's own people.
Not here: how YAML reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.reference.stories import _event, _user
from tests.reference.yaml12 import read_yaml

FOLDER = Path(__file__).parent / "diffs"


@dataclass(frozen=True)
class Edited:
    """`old` and `new` are what the files say; `diffs` by segment: staying, entering and leaving with reasons."""

    name: str
    title: str
    tables: dict[str, list[dict[str, Any]]]
    old: dict[str, dict[str, Any]]
    new: dict[str, dict[str, Any]]
    diffs: dict[str, dict[str, Any]]

    def own(self, people: set[str]) -> set[str]:
        """Those of the story, by the names it calls them."""
        return {one.partition(".")[2] for one in people if one.startswith(f"{self.name}.")}


def load_edits() -> list[Edited]:
    """All stories, in the order of their file names."""
    return [_read(path) for path in sorted(FOLDER.glob("*.yml"))]


def _read(path: Path) -> Edited:
    told = read_yaml(path.read_text(encoding="utf-8"))
    story = path.stem
    tables = {
        "users": [_user(f"{story}.{user}", row or {}) for user, row in told["people"].items()],
        "events": [_event([f"{story}.{user}", *rest]) for user, *rest in told["events"]],
    }
    old, new = ({name: {"name": name, **rule} for name, rule in told[side].items()} for side in ("old", "new"))
    return Edited(story, told["title"], tables, old, new, told["diffs"])
