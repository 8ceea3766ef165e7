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


def _meta(
    activation: Activation, environ: Mapping[str, str], tables: Tables, clock: Clock, on_wait: OnWait, ledger: Ledger
) -> Destination:
    from connectors.accounts import meta_account
    from connectors.meta.audience import MetaAudience

    return MetaAudience(meta_account(environ, tables), activation.place, clock, on_wait)


# Accounts that a dry run makes up where there is none: nothing is asked of the vendor, and identities are made alike.
_NOBODY = {
    "NETMERA_API_KEY": "none", "META_ACCESS_TOKEN": "none", "META_AD_ACCOUNT": "1", "GOOGLE_ACCESS_TOKEN": "none",
    "GOOGLE_ADS_CUSTOMER_ID": "1234567890",
}  # fmt: skip


def for_a_dry_run(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, with what it lacks of accounts."""
    return {**environ, **{name: value for name, value in _NOBODY.items() if not environ.get(name, "").strip()}}


FACTORIES: Mapping[str, Factory] = {"netmera_tag": _netmera_tag, "meta": _meta, "google": _google}
