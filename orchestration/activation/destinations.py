"""How the destination of an activation is made, by the word that names it.

Not here: the destinations (`connectors/`), and what is sent to them (`mirror.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.budget import Ledger
from connectors.clock import Clock
from connectors.destinations import Destination
from orchestration.activation.named import Activation

Tables = Mapping[str, Any]  # the sections of settings.toml that are about accounts
OnWait = Callable[[str, float], None]  # hears a sentence, and for how many seconds somebody waits
# The last is where calls are counted that a vendor allows so many of: `Ledger(settings.budgets)`.
Factory = Callable[[Activation, Mapping[str, str], Tables, Clock, OnWait, Ledger], Destination]


def _netmera_tag(
    activation: Activation, environ: Mapping[str, str], tables: Tables, clock: Clock, on_wait: OnWait, ledger: Ledger
) -> Destination:
    from connectors.accounts import netmera_account
    from connectors.netmera_tags import NetmeraTag

    return NetmeraTag(netmera_account(environ), activation.place, clock, on_wait)


def _google(
    activation: Activation, environ: Mapping[str, str], tables: Tables, clock: Clock, on_wait: OnWait, ledger: Ledger
) -> Destination:
    from connectors.accounts import google_account
    from connectors.google.audience import GoogleAudience

    return GoogleAudience(google_account(environ, tables), activation.place, clock, on_wait, ledger=ledger)


FACTORIES: Mapping[str, Factory] = {"netmera_tag": _netmera_tag, "google": _google}
