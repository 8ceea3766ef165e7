"""`segments webhooks`: receives the audiences that Mixpanel and Amplitude push, until Ctrl-C.

Not here: the service itself (`connectors/webhooks`).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from orchestration.cli.words import say, settings_for, with_debug
from orchestration.settings import connector_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=3001, show_default=True, help="Port to listen on.")
@with_debug
def webhooks(host: str, port: int) -> None:
    """Receive pushed audiences, and land them.

    Mixpanel posts to /mixpanel with the user name and password of MIXPANEL_WEBHOOK_USERNAME and
    MIXPANEL_WEBHOOK_PASSWORD, Amplitude to /amplitude with the header X-Webhook-Secret of AMPLITUDE_WEBHOOK_SECRET.
    """
    import uvicorn

    from connectors.accounts import members_of
    from connectors.clock import SystemClock
    from connectors.landing_writer import LandingFolder
    from connectors.webhooks.held import Held
    from connectors.webhooks.service import doors, service

    settings = settings_for()
    if "://" in settings.landing:
        raise ValueError(f"audiences are landed in a folder, and the landing area is {settings.landing}")
    let_in = doors(os.environ)
    folder = LandingFolder(Path(settings.landing).expanduser().resolve())
    held = Held(settings.home / "webhooks.sqlite3", folder)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    say(f"Audiences are received on http://{host}:{port} (Ctrl-C ends it)")
    app = service(held, let_in, members_of("amplitude", connector_settings()), SystemClock())
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


COMMANDS = {"webhooks": webhooks}
