"""What all calls to Amplitude share: who asks, how a refusal reads, and what a project is allowed.

Not here: cohorts and events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

from connectors.accounts import AmplitudeAccount
from connectors.budget import Allowance, Rate, rolling
from connectors.clock import Clock
from connectors.errors import BudgetSpent, ConnectorError, CredentialsRefused
from connectors.http import Backoff, Http

VENDOR = "amplitude"
DOWNLOADS_PER_MONTH = 500


def download_allowance(account: AmplitudeAccount) -> Allowance:
    """Cohort downloads, counted where they are requested: 500 a month, and 60 in ten minutes."""
    # The key names the project, and is no secret to keep in a file: a short digest of it will do.
    project = hashlib.sha256(account.api_key.encode()).hexdigest()[:12]
    rates = (Rate(DOWNLOADS_PER_MONTH, "month"), rolling(60, timedelta(minutes=10)))
    return Allowance("amplitude cohort downloads", project, rates)


def http(account: AmplitudeAccount, clock: Clock, on_wait: Callable[[str, float], None]) -> Http:
    """A project signs by HTTP Basic with its two keys."""
    return Http(
        VENDOR,
        account.url,
        clock,
        backoff=Backoff(first=15, most=120),
        basic=(account.api_key, account.secret_key),
        secrets=(account.secret_key, account.api_key),
        judge=_judge,
        on_wait=on_wait,
    )


def _judge(status: int, words: str, asked: str) -> ConnectorError | None:
    if status in (401, 403):
        return CredentialsRefused(
            VENDOR, asked,
            "the keys are refused; check AMPLITUDE_API_KEY and AMPLITUDE_SECRET_KEY, and that AMPLITUDE_URL is the"
            " region of the project (a wrong region looks like a wrong key)", status,
        )  # fmt: skip
    if status == 429 and "month" in words.lower():
        return BudgetSpent(VENDOR, asked, "the cohort downloads of this month are used up, says Amplitude", status)
    return None
