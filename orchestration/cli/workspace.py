"""`segments sample` and `dev`: the data and the web page of a workspace.

Not here: writing the sample (`orchestration/sample`).
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from datetime import date
from pathlib import Path

import click

from orchestration.cli.sample_data import last_day_before, write_or_extend
from orchestration.cli.sample_vendors import beside_dagster
from orchestration.cli.tables import count, day_text
from orchestration.cli.words import (
    FOLDER,
    Day,
    print_json,
    progress,
    say,
    settings_for,
    wall_clock,
    with_debug,
    with_json,
)
from orchestration.settings import ROOT
from segmentation.clock import Clock


@click.command()
@click.option("--until", type=Day(), help="Last day, in UTC (default: what a run as of the last midnight needs).")
@click.option("--users", type=click.IntRange(min=1), help="People in the shop (default: 20,000).")
@click.option("--into", type=FOLDER, metavar="DIR", help="Landing folder (default: the workspace's own).")
@with_json
def sample(until: date | None, users: int | None, into: Path | None, as_json: bool) -> None:
    """Write landing files of an invented shop, or bring them up to date.

    A folder with other data is left as it is.
    """
    settings = settings_for()
    if into is None and "://" in settings.landing:
        raise ValueError(
            f"a sample is written to a folder, and the landing area is {settings.landing}: name one by --into"
        )
    landing = (into or Path(settings.landing)).expanduser().resolve()
    clock = Clock(wall_clock(), settings.zone)
    with progress("writing sample data") as shown:
        report = write_or_extend(landing, until or last_day_before(clock.midnight(clock.today)), users, shown)
    if as_json:
        print_json({**vars(report), "landing": str(report.landing)})
        return
    days = (report.last_day - report.first_day).days + 1
    say(
        f"{report.landing}: {count(days, 'day')} up to {day_text(report.last_day)}, "
        f"{report.bytes_on_disk / 1e6:,.0f} MB; {count(len(report.days_written), 'day')} written now"
    )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of the web page.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the web page.")
@with_debug
def dev(host: str, port: int) -> None:
    """Start Dagster: its web page, schedules and sensors, until Ctrl-C.

    On a sample the vendors of the shop are played as well, unless a real account is configured.
    """
    from orchestration.instance import open_instance

    settings = settings_for()
    _require_free(host, port)
    with open_instance(settings):
        pass  # three processes of Dagster open it next, all at once
    tools = Path(sys.executable).parent
    landing = settings.landing if "://" in settings.landing else str(Path(settings.landing).expanduser().resolve())
    environment = {
        **os.environ,
        # Dagster starts in another folder and starts dbt by name.
        "SEGMENTS_HOME": str(settings.home),
        "SEGMENTS_LANDING": landing,
        "DAGSTER_HOME": str(settings.dagster_home),
        "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}",
        **beside_dagster(settings),
    }
    say(f"Dagster starts on http://{host}:{port} (Ctrl-C ends it)")
    sys.stdout.flush()
    os.chdir(ROOT)
    command = ["dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)]
    os.execvpe(str(tools / "dagster"), command, environment)


def _require_free(host: str, port: int) -> None:
    """Raises ValueError if nothing can be served there: Dagster would go on without its page, and whoever opens the
    address would see that of another workspace."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            told = f"port {port} of {host} is in use, perhaps by another Dagster: end it, or name another by --port"
        else:
            told = f"nothing can be served on port {port} of {host}: {error.strerror}"
        raise ValueError(told) from None


COMMANDS = {"sample": sample, "dev": dev}
