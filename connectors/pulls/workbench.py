"""All that a pull needs, put together: account, ledger, clock and landing folder, for any vendor and any of its data.

The command line and the scheduler both come in here. Not here: how a vendor is asked, or what a file looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connectors import accounts
from connectors.amplitude.api import download_allowance
from connectors.amplitude.cohorts import Cohorts as AmplitudeCohorts
from connectors.amplitude.export import Export as AmplitudeExport
from connectors.budget import Allowance, Ledger
from connectors.clock import Clock
from connectors.errors import ConnectorError
from connectors.landing_writer import LandingFolder, PullUnderWay
from connectors.mixpanel.api import export_allowance, query_allowance
from connectors.mixpanel.cohorts import Cohorts as MixpanelCohorts
from connectors.mixpanel.export import Export as MixpanelExport
from connectors.netmera import Netmera, Segment
from connectors.notes import ALL, Note
from connectors.pulls import audiences, events, netmera
from connectors.pulls.attempts import Doing, Report, Told, nobody
from connectors.pulls.audiences import Choice, Prepared

# What each vendor has, in the order in which it is pulled.
DATA = {
    "mixpanel": ("audiences", "events"),
    "amplitude": ("audiences", "events"),
    "netmera": ("audiences", "users", "messages"),
}
DATED = ("events", "messages")
_RESULTS_KEPT = timedelta(days=14)  # what Netmera shows of a message's results


@dataclass(frozen=True)
class Workbench:
    """`at` stands for the whole pull; `settings` are the vendors' tables of settings.toml; `told` hears of each thing
    that was tried."""

    environ: Mapping[str, str]
    settings: Mapping[str, Any]
    folder: LandingFolder
    ledger: Ledger
    clock: Clock
    at: datetime
    doing: Doing
    on_wait: Callable[[str, float], None]
    told: Told = nobody

    def check(self, connector: str) -> None:
        """Raises NotConfigured if something about the account is missing."""
        if connector == "netmera":
            accounts.netmera_account(self.environ)
        elif connector == "mixpanel":
            accounts.mixpanel_account(self.environ, self.settings)
        else:
            accounts.amplitude_account(self.environ, self.settings)

    def note_failure(self, connector: str, what: str, error: ConnectorError) -> None:
        """Notes that nothing of a kind could be tried; that another pull is trying it is no failure."""
        if not isinstance(error, PullUnderWay):
            self.folder.note(Note(connector, what, ALL, "failed", self.at, reason=str(error)))

    def calls(self, connector: str, what: str) -> tuple[int, int] | None:
        """Calls that count against the vendor's allowance just now, and those left; None if it publishes none."""
        allowance: Allowance
        if connector == "mixpanel":
            mixpanel = accounts.mixpanel_account(self.environ, self.settings)
            allowance = export_allowance(mixpanel) if what == "events" else query_allowance(mixpanel)
        elif connector == "amplitude" and what == "audiences":
            allowance = download_allowance(accounts.amplitude_account(self.environ, self.settings))
        else:
            return None
        now = self.clock.now()
        return len(self.ledger.spent(allowance, now)), self.ledger.left(allowance, now)

    def plan_audiences(self, connector: str, choice: Choice | None, hours: float) -> Prepared:
        """What `pull_audiences` would do; `choice` None means the prefix of the settings."""
        if connector == "mixpanel":
            account = accounts.mixpanel_account(self.environ, self.settings)
            cohorts = MixpanelCohorts(account, self.ledger, self.clock, self.on_wait)
            chosen = choice or Choice(account.members.cohort_prefix)
            return audiences.prepare_mixpanel(
                cohorts, account.members, self.ledger, self.clock, self.folder, chosen, hours
            )
        amplitude = accounts.amplitude_account(self.environ, self.settings)
        downloads = AmplitudeCohorts(amplitude, self.ledger, self.clock, self.on_wait)
        chosen = choice or Choice(amplitude.members.cohort_prefix, skip_unchanged=True)
        return audiences.prepare_amplitude(
            downloads, amplitude.members, self.ledger, self.clock, self.folder, chosen
        )  # fmt: skip

    def pull_audiences(self, prepared: Prepared) -> Report:
        """What the plan has for tonight."""
        return audiences.pull_audiences(prepared, self.folder, self.at, self.doing, self.told)

    def prefix(self, connector: str) -> str:
        """How names of the cohorts to pull begin, by the settings."""
        if connector == "mixpanel":
            return accounts.mixpanel_account(self.environ, self.settings).members.cohort_prefix
        return accounts.amplitude_account(self.environ, self.settings).members.cohort_prefix

    def event_days(self, connector: str, since: date | None, until: date | None) -> list[date]:
        """The days that `pull_events` would read, none that was not over at `at`; no call is made."""
        last = self._export(connector).last_whole_day(min(self.at, self.clock.now()))
        return events.days_to_pull(connector, last, self.folder, since, until)

    def pull_events(self, connector: str, days: list[date]) -> Report:
        """Reads these days."""
        export = self._export(connector)
        return events.pull_events(connector, export, days, self.folder, self.at, self.doing, self.told)

    def _export(self, connector: str) -> MixpanelExport | AmplitudeExport:
        if connector == "mixpanel":
            account = accounts.mixpanel_account(self.environ, self.settings)
            return MixpanelExport(account, self.ledger, self.clock, self.on_wait)
        return AmplitudeExport(accounts.amplitude_account(self.environ, self.settings), self.clock, self.on_wait)

    def netmera_segments(self) -> list[Segment]:
        """For a plan; two calls."""
        return self._netmera().segments()

    def pull_netmera(
        self, what: str, since: date | None = None, until: date | None = None, details: bool = True
    ) -> Report:
        """One of Netmera's kinds of data. Days are UTC; messages of the last two weeks by default."""
        client = self._netmera()
        if what == "audiences":
            return netmera.pull_segments(client, self.folder, self.at, self.doing, self.told)
        if what == "users":
            return netmera.pull_users(client, self.folder, self.at, details, self.doing, self.told)
        first = self.at - _RESULTS_KEPT if since is None else datetime.combine(since, time(), UTC)
        last = self.at if until is None else datetime.combine(until, time(), UTC) + timedelta(days=1)
        return netmera.pull_messages(client, self.folder, first, min(last, self.at), self.at, self.doing, self.told)

    def _netmera(self) -> Netmera:
        return Netmera(accounts.netmera_account(self.environ), self.clock, self.on_wait)
