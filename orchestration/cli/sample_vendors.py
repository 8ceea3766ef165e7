"""When the vendors of the sample shop are played, so that its cohorts and events come in by the same way as real ones.

Never beside a real account: what the environment says of one is for a workspace with real data.
Not here: what they hold (`orchestration/sample/vendors.py`), and how a pull works (`orchestration/ingest`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from orchestration.cli.words import Progress, complain
from orchestration.settings import ROOT, Settings


def vendors_of(landing: Path) -> Sequence[str]:
    """The vendors to play for the sample in a landing folder; none, with a sentence, if real ones are configured."""
    from orchestration.sample.vendors import PLAYED, configured

    real = configured(os.environ)
    if real:
        complain(
            f"{' and '.join(one.title() for one in real)} {'is' if len(real) == 1 else 'are'} configured, and"
            f" {landing} holds a sample: no vendor is asked, and none is played"
        )
        return ()
    complain(f"{' and '.join(one.title() for one in PLAYED)} are played on this machine, with invented people")
    return PLAYED


def pull_from_vendors(
    settings: Settings, landing: Path, vendors: Sequence[str], moment: datetime, shown: Progress
) -> None:
    """Plays the vendors as of a moment and pulls all they have; each failure is a sentence on stderr."""
    from connectors.clock import ManualClock
    from orchestration.launch import launch_pull
    from orchestration.sample.vendors import played

    with played(landing, ManualClock(moment)) as environ:
        for one in vendors:
            shown.doing(f"pulling from {one.title()}")
            for sentence in launch_pull(settings, one, at=moment, environ=environ):
                complain(sentence)


def beside_dagster(settings: Settings) -> dict[str, str]:
    """On a sample, starts its vendors for as long as this process lives, and gives the variables to reach them."""
    from orchestration.sample import is_sample

    landing = Path(settings.landing).expanduser().resolve()
    if "://" in settings.landing or not is_sample(landing) or not vendors_of(landing):
        return {}
    from orchestration.sample.play import play_beside

    return play_beside(landing, ROOT)
