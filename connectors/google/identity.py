"""What Google gets of a person: hashes of e-mail addresses and of the phone number, written by Google's rules.

Other vendors write the same person otherwise, so no digest from here is one of theirs. Not here: how a request holds
them (audience.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from connectors.destinations import Contact, Identity
from connectors.phones import with_country_code

_GMAIL = ("gmail.com", "googlemail.com")  # where dots are no part of an address


def identity(contact: Contact, default_country: str | None = None) -> Identity | None:
    """Hashes in hex: of the e-mail address, of the address of its mailbox if that is another, and of the phone number.

    "" for what is missing or unusable, None if nothing is left. `default_country` is of those who have none.
    """
    address = email(contact.email)
    box = mailbox(address)
    made = (
        digest(address),
        digest(box if box != address else None),
        digest(phone(contact.msisdn, (contact.country or "").strip() or default_country)),
    )
    return made if any(made) else None


def email(written: str | None) -> str | None:
    """Lower case, without blanks around it, and without the dots that Gmail ignores; None if it is no address.

    Google's documentation takes blanks inside out, its own formatter refuses them: so does this, as nobody knows what
    was meant.
    """
    address = _lower(written)
    name, at, domain = address.partition("@")
    if not (name and at and domain) or "@" in domain or any(letter.isspace() for letter in address):
        return None
    if domain in _GMAIL:
        name = name.replace(".", "")
    return f"{name}@{domain}" if name else None


def mailbox(address: str | None) -> str | None:
    """A written address without what follows + at Gmail: ece+shop@gmail.com is read by ece@gmail.com.

    Google's formatter once kept that and takes it off by now, so both are sent: a person may have ten addresses.
    """
    name, _, domain = (address or "").partition("@")
    box = name.partition("+")[0]
    return f"{box}@{domain}" if domain in _GMAIL and box else address


def phone(written: str | None, country: str | None = None) -> str | None:
    """`+` and digits, country code first; None if it is no number or nobody knows of which country."""
    digits = with_country_code(written, country)
    return None if digits is None else f"+{digits}"


def name(written: str | None) -> str | None:
    """A given or a family name: lower case, without blanks around it."""
    return _lower(written) or None


def region_code(written: str | None) -> str | None:
    """Two letters of a to z, upper case; it is not hashed."""
    code = (written or "").strip()
    return code.upper() if len(code) == 2 and code.isascii() and code.isalpha() else None


def postal_code(written: str | None) -> str | None:
    """As written, without blanks around it; it is not hashed."""
    return (written or "").strip() or None


# What Google knows people by. The users table has no names and no postal addresses, so those are not sent.
FORMATS: Mapping[str, Callable[[str | None], str | None]] = {
    "email": email, "phone": phone, "given_name": name, "family_name": name, "region_code": region_code,
    "postal_code": postal_code,
}  # fmt: skip


def digest(formatted: str | None) -> str:
    """SHA-256 in hex; "" of nothing."""
    return hashlib.sha256(formatted.encode()).hexdigest() if formatted else ""


def _lower(written: str | None) -> str:
    # The lower case of İ is an i and a dot of its own in Python and elsewhere, which nobody's address has.
    return (written or "").strip().lower().replace("i\u0307", "i")
