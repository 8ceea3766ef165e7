"""The folder of segment files as it was at a commit, read through git; nothing is checked out.

Not here: what changed since (`diff.py`), and what published runs read (`orchestration/history`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segmentation.language.folder import DELETED, ENDINGS, Folder, load_texts
from segmentation.language.problems import did_you_mean

FILES = ("100644", "100755")  # git's modes of ordinary files; a link holds a path and no segment


@dataclass(frozen=True)
class Revision:
    """A folder at a commit: contents by path inside the folder. `ref` is as somebody named it, `commit` its hash, and
    `name` the folder's own."""

    ref: str
    commit: str
    name: str
    contents: Mapping[str, bytes] = field(repr=False)

    @property
    def files(self) -> dict[str, bytes]:
        """The segment files by name of the file."""
        return {path: content for path, content in self.contents.items() if "/" not in path and _is_segment(path)}

    def folder(self) -> Folder:
        """The definitions; files are named `<commit>:<folder>/<file>` in messages."""
        deleted = {PurePosixPath(path).stem for path in self.contents if path.startswith(f"{DELETED}/")}
        files = {f"{self.commit[:7]}:{self.name}/{path}": content for path, content in self.files.items()}
        return load_texts(files, deleted)


def _is_segment(path: str) -> bool:
    return PurePosixPath(path).suffix in ENDINGS


def revision_of(folder: Path, ref: str) -> Revision:
    """A folder as it was at a branch, tag or commit. Raises ValueError in one sentence."""
    commit = _commit(folder, ref)
    return Revision(ref, commit, folder.name, _contents(folder, commit))


def base_of(folder: Path, ref: str) -> Revision:
    """A folder as it was where the branch that is checked out left another one. Raises ValueError in one sentence."""
    tip = _commit(folder, ref)
    found = _git(folder, "merge-base", "HEAD", tip)
    if found.returncode:
        raise ValueError(
            f"{ref} and what is checked out have no commit in common here; in a shallow clone, fetch the whole history"
        )
    commit = found.stdout.decode().strip()
    return Revision(ref, commit, folder.name, _contents(folder, commit))


def _commit(folder: Path, ref: str) -> str:
    if not folder.is_dir():
        raise ValueError(f"found no folder at {folder}, expected a folder of segment files (*.yml)")
    if _git(folder, "rev-parse", "--is-inside-work-tree").stdout.strip() != b"true":
        raise ValueError(f"{folder} is in no git repository, so there is nothing to compare with at {ref!r}")
    # The marks say that it is a name and no option, and a commit and no file.
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if found.returncode:
        names = _git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
        hint = did_you_mean(ref, names.stdout.decode(errors="replace").split())
        raise ValueError(f"git knows no commit {ref!r} here{hint}")
    return found.stdout.decode().split()[-1]


def _contents(folder: Path, commit: str) -> dict[str, bytes]:
    """Every file below a folder by its path from there. A folder that was not there yet is empty."""
    listed = _git(folder, "ls-tree", "-r", "-z", commit, "--", ".").stdout.split(b"\0")
    names: list[tuple[str, str]] = []
    for line in filter(None, listed):
        about, _, path = line.partition(b"\t")
        mode, _, blob = about.decode().split()
        if mode in FILES:
            names.append((path.decode(errors="surrogateescape"), blob))
    stream = _git(folder, "cat-file", "--batch", given="".join(f"{blob}\n" for _, blob in names)).stdout
    contents, at = {}, 0
    for name, _ in names:
        head = stream.index(b"\n", at)
        size = int(stream[at:head].split()[2])
        contents[name] = stream[head + 1 : head + 1 + size]
        at = head + 1 + size + 1
    return contents


def _git(folder: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(folder), *arguments], input=given.encode(), capture_output=True)
    except FileNotFoundError:
        raise ValueError("there is no command git here, which reads the files of a commit") from None
