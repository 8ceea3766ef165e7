"""Who we are at each vendor: addresses, credentials and the few things only the customer knows of the account.

Everything comes in as two mappings, the environment and the tables of settings.toml; this module reads neither itself.
Not here: what is done with an account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from phonenumbers import SUPPORTED_REGIONS

from connectors.errors import NotConfigured

_DEFAULTS: dict[str, dict[str, Any]] = {
    "mixpanel": {
        "cohort_prefix": "PN_",
        "project_timezone": "UTC",
        "project_created_before_2023": False,
        "email_property": "$email",
        "msisdn_property": "$phone",
        "more_properties": [],
    },
    "amplitude": {"cohort_prefix": "", "email_property": "email", "msisdn_property": "phone", "more_properties": []},
    "google": {"terms_accepted": False},
    "meta": {"api_version": "v25.0"},
}
_ONE_WORD = re.compile("[!-~]+")
_ZONES = "an IANA name such as Europe/Istanbul"


@dataclass(frozen=True)
class Members:
    """Which cohorts are pulled, and which of their users' properties become columns."""

    cohort_prefix: str
    email_property: str
    msisdn_property: str
    more_properties: tuple[str, ...]

    @property
    def asked(self) -> tuple[str, ...]:
        """The properties to ask for, each once."""
        named = (self.email_property, self.msisdn_property, *self.more_properties)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True)
class MixpanelAccount:
    """A project, by a service account. `zone` is the project's; before 2023 its clock was a wall clock."""

    url: str
    export_url: str
    username: str
    secret: str = field(repr=False)
    project_id: str
    members: Members
    zone: ZoneInfo
    created_before_2023: bool


@dataclass(frozen=True)
class AmplitudeAccount:
    """A project, by its pair of keys."""

    url: str
    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    members: Members


@dataclass(frozen=True)
class NetmeraAccount:
    """An application, by its REST key."""

    url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class GoogleAccount:
    """A Google Ads account, and the manager account that acts for it, if one does.

    `access_token` reads it anew, as one lasts an hour. `default_country` is of those who have none, None if not said.
    """

    url: str
    access_token: Callable[[], str] = field(repr=False)
    customer_id: str
    login_customer_id: str | None
    terms_accepted: bool
    default_country: str | None


@dataclass(frozen=True)
class MetaAccount:
    """An ad account, by its number. `url` includes the version of the Graph API. `app_secret` proves that calls come
    from the app that the token was made for, None if it is not asked for that. `default_country` is of those who have
    none, None if not said.
    """

    url: str
    access_token: str = field(repr=False)
    ad_account: str
    app_secret: str | None = field(repr=False)
    default_country: str | None


def mixpanel_account(environ: Mapping[str, str], settings: Mapping[str, Any]) -> MixpanelAccount:
    """Raises NotConfigured in one sentence that names the variable or the setting."""
    own = _own("mixpanel", settings)
    try:
        zone = ZoneInfo(str(own["project_timezone"]))
    except (KeyError, ValueError, OSError):
        raise NotConfigured(
            "mixpanel", "settings.toml", f"found {own['project_timezone']!r} as project_timezone, expected {_ZONES}"
        ) from None
    return MixpanelAccount(
        url=_url("mixpanel", environ, "MIXPANEL_URL", "https://mixpanel.com", "/api/query"),
        export_url=_url("mixpanel", environ, "MIXPANEL_EXPORT_URL", "https://data.mixpanel.com", "/api/2.0/export"),
        username=_needed("mixpanel", environ, "MIXPANEL_USERNAME"),
        secret=_needed("mixpanel", environ, "MIXPANEL_SECRET"),
        project_id=_needed("mixpanel", environ, "MIXPANEL_PROJECT_ID"),
        members=_members(own),
        zone=zone,
        created_before_2023=bool(own["project_created_before_2023"]),
    )


def amplitude_account(environ: Mapping[str, str], settings: Mapping[str, Any]) -> AmplitudeAccount:
    """Raises NotConfigured in one sentence that names the variable or the setting."""
    return AmplitudeAccount(
        url=_url("amplitude", environ, "AMPLITUDE_URL", "https://amplitude.com", ""),
        api_key=_needed("amplitude", environ, "AMPLITUDE_API_KEY"),
        secret_key=_needed("amplitude", environ, "AMPLITUDE_SECRET_KEY"),
        members=_members(_own("amplitude", settings)),
    )


def netmera_account(environ: Mapping[str, str]) -> NetmeraAccount:
    """Raises NotConfigured in one sentence that names the variable."""
    return NetmeraAccount(
        url=_url("netmera", environ, "NETMERA_URL", "https://restapi.netmera.com", "/rest/3.0"),
        api_key=_needed("netmera", environ, "NETMERA_API_KEY"),
    )


def google_account(environ: Mapping[str, str], settings: Mapping[str, Any]) -> GoogleAccount:
    """Raises NotConfigured in one sentence that names the variable or the setting."""
    _google_token(environ)
    manager = environ.get("GOOGLE_LOGIN_CUSTOMER_ID", "").strip()
    return GoogleAccount(
        url=_url("google", environ, "GOOGLE_DATAMANAGER_URL", "https://datamanager.googleapis.com", "/v1"),
        access_token=lambda: _google_token(environ),
        customer_id=_customer(environ, "GOOGLE_ADS_CUSTOMER_ID"),
        login_customer_id=_customer(environ, "GOOGLE_LOGIN_CUSTOMER_ID") if manager else None,
        terms_accepted=_own("google", settings)["terms_accepted"],
        default_country=default_country("google", settings),
    )


def meta_account(environ: Mapping[str, str], settings: Mapping[str, Any]) -> MetaAccount:
    """Raises NotConfigured in one sentence that names the variable or the setting."""
    version = _own("meta", settings)["api_version"]
    if not re.fullmatch(r"v[0-9]+\.[0-9]+", version):
        raise NotConfigured(
            "meta", "settings.toml", f"found {version!r} as api_version under [meta], expected one such as v25.0"
        )
    token = _needed("meta", environ, "META_ACCESS_TOKEN")
    if not _ONE_WORD.fullmatch(token):
        raise NotConfigured("meta", "settings", "the environment variable META_ACCESS_TOKEN holds no access token")
    return MetaAccount(
        url=_url("meta", environ, "META_URL", "https://graph.facebook.com", f"/{version}"),
        access_token=token,
        ad_account=_number("meta", environ, "META_AD_ACCOUNT", "1234567890", "act_"),
        app_secret=environ.get("META_APP_SECRET", "").strip() or None,
        default_country=default_country("meta", settings),
    )


def default_country(vendor: str, settings: Mapping[str, Any]) -> str | None:
    """The country of people who have none, for local phone numbers; None if it is not said."""
    country = settings.get("activation", {}).get("default_country") or None
    if country is None or isinstance(country, str) and country in SUPPORTED_REGIONS:
        return country
    raise NotConfigured(
        vendor, "settings.toml",
        f"found {country!r} as default_country under [activation], expected two letters such as TR",
    )  # fmt: skip


def clock_zone(settings: Mapping[str, Any]) -> ZoneInfo:
    """Where a day of Mixpanel's export begins: in the zone of an older project, else in UTC, also without an account
    or with a setting that is wrong, which the account will tell."""
    own = {**_DEFAULTS["mixpanel"], **settings.get("mixpanel", {})}
    try:
        return ZoneInfo(str(own["project_timezone"]) if own["project_created_before_2023"] is True else "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def members_of(connector: str, settings: Mapping[str, Any]) -> Members:
    """Which members are wanted of a connector, without an account. Raises NotConfigured for a wrong setting."""
    return _members(_own(connector, settings))


def _needed(vendor: str, environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise NotConfigured(vendor, "settings", f"the environment variable {name} is missing")
    return value


def _url(vendor: str, environ: Mapping[str, str], name: str, host: str, path: str) -> str:
    """The base URL; one that is only a host, such as another region's, gets the vendor's own path."""
    url = environ.get(name, "").strip().rstrip("/") or host
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or "@" in parts.netloc:
        raise NotConfigured(
            vendor, "settings", f"the environment variable {name} holds no base URL such as {host}{path}"
        )
    return url if parts.path else url + path


def _google_token(environ: Mapping[str, str]) -> str:
    file = environ.get("GOOGLE_ACCESS_TOKEN_FILE", "").strip()
    if not file:
        token, name = _needed("google", environ, "GOOGLE_ACCESS_TOKEN"), "the environment variable GOOGLE_ACCESS_TOKEN"
    else:
        name = f"{file}, the file of GOOGLE_ACCESS_TOKEN_FILE,"
        try:
            token = Path(file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise NotConfigured("google", "settings", f"{name} cannot be read") from None
    if not _ONE_WORD.fullmatch(token):
        raise NotConfigured("google", "settings", f"{name} holds no access token")
    return token


def _customer(environ: Mapping[str, str], name: str) -> str:
    """The number of an account of Google Ads, which shows it with dashes."""
    return _number("google", environ, name, "123-456-7890", "-")


def _number(vendor: str, environ: Mapping[str, str], name: str, example: str, left_out: str) -> str:
    """Digits, once what the vendor shows with them is left out."""
    number = _needed(vendor, environ, name).replace(left_out, "")
    if not (number.isascii() and number.isdecimal()):
        raise NotConfigured(vendor, "settings", f"the environment variable {name} is no number such as {example}")
    return number


def _own(vendor: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The vendor's table of settings.toml over the defaults; each value has the type of its default."""
    written = settings.get(vendor, {})
    defaults = _DEFAULTS[vendor]
    for name, value in written.items():
        if name not in defaults:
            expected = f"expected one of {', '.join(defaults)}"
            raise NotConfigured(vendor, "settings.toml", f"found {name!r} under [{vendor}], {expected}")
        if type(value) is not type(defaults[name]):
            kind = type(defaults[name]).__name__
            raise NotConfigured(
                vendor, "settings.toml", f"found {value!r} as {name} under [{vendor}], expected a {kind}"
            )
    return {**defaults, **written}


def _members(own: Mapping[str, Any]) -> Members:
    return Members(
        cohort_prefix=own["cohort_prefix"],
        email_property=own["email_property"],
        msisdn_property=own["msisdn_property"],
        more_properties=tuple(str(one) for one in own["more_properties"]),
    )
