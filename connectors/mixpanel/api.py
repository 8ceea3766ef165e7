"""What all calls to Mixpanel share: who asks, how a refusal reads, and what a project is allowed.

Not here: cohorts and events.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from connectors.accounts import MixpanelAccount
from connectors.budget import Allowance, rolling
from connectors.clock import Clock
from connectors.errors import BadAnswer, ConnectorError, CredentialsRefused
from connectors.http import Backoff, Http

VENDOR = "mixpanel"
CALLS_PER_HOUR = 60
_HOUR = timedelta(hours=1)


def query_allowance(account: MixpanelAccount) -> Allowance:
    """List and members together: 60 calls an hour for the whole project."""
    return Allowance("mixpanel query", account.project_id, (rolling(CALLS_PER_HOUR, _HOUR),))


def export_allowance(account: MixpanelAccount) -> Allowance:
    """Raw export: 60 calls an hour, and 3 a second."""
    return Allowance(
        "mixpanel export", account.project_id, (rolling(CALLS_PER_HOUR, _HOUR), rolling(3, timedelta(seconds=1)))
    )


def http(account: MixpanelAccount, base: str, clock: Clock, on_wait: Callable[[str, float], None]) -> Http:
    """A service account signs by HTTP Basic, and every call names the project."""
    return Http(
        VENDOR,
        base,
        clock,
        backoff=Backoff(first=30, most=300),
        basic=(account.username, account.secret),
        params={"project_id": account.project_id},
        secrets=(account.secret, account.username),
        judge=_judge,
        on_wait=on_wait,
    )


def _judge(status: int, words: str, asked: str) -> ConnectorError | None:
    if status in (401, 403) or "unable to authenticate" in words.lower():  # which comes as 400 as well
        return CredentialsRefused(
            VENDOR, asked,
            "the service account is refused; check MIXPANEL_USERNAME, MIXPANEL_SECRET and MIXPANEL_PROJECT_ID, the"
            " account's expiry date, and that MIXPANEL_URL is the region of the project", status,
        )  # fmt: skip
    if status == 400 and "to_date cannot be later than today" in words:
        return BadAnswer(
            VENDOR, asked, "the day has not begun in the project's zone; check project_timezone in settings.toml", 400
        )
    return None
