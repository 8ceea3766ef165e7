"""Plays the vendors of a sample in a process of its own, beside Dagster, by the machine's clock.

Whoever starts it gets the variables of the vendors as one line of JSON on stdout. It ends when its stdin ends, thus
with the process that holds the other end, however that one ends. Not here: what is played (vendors.py).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from connectors.clock import SystemClock
from orchestration.sample.vendors import played


def play(landing: Path) -> None:
    """Until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for Dagster, which may still be asking
    with played(landing, SystemClock()) as environ:
        sys.stdout.write(json.dumps(environ) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


def play_beside(landing: Path, root: Path) -> dict[str, str]:
    """Starts it for as long as this process lives, whatever program this process becomes; gives the variables.

    Raises RuntimeError if it does not start.
    """
    ends, held = os.pipe()
    os.set_inheritable(held, True)  # so that it stays open when Dagster takes the place of this program
    child = subprocess.Popen(
        [sys.executable, "-m", "orchestration.sample.play", str(landing)],
        stdin=ends, stdout=subprocess.PIPE, text=True, cwd=root,
    )  # fmt: skip
    os.close(ends)
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise RuntimeError("the vendors of the sample cannot be played")
    environ: dict[str, str] = json.loads(line)
    return environ


if __name__ == "__main__":
    play(Path(sys.argv[1]))
