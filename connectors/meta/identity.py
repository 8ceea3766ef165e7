"""What Meta gets of a person: the external id, and hashes of the e-mail address and the phone number by Meta's rules.

Other vendors write the same person otherwise, so no digest from here is one of theirs. What an audience of ours does
not use (names, birthdays, towns) is here nevertheless, for Meta's table of rules is one. Not here: how a request holds
people (audience.py).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping

from connectors.destinations import Contact, Identity
from connectors.phones import with_country_code

SCHEMA = ("EXTERN_ID", "EMAIL", "PHONE")  # the columns of an identity

# Before lower case, since Python's makes two letters of İ, and before anything is left out, since Şişli is no "ili".
_TURKISH = str.maketrans("ŞşÇçĞğIıİÖöÜüÂâÎîÛû", "ssccggiiioouuaaiiuu")
_DOTTED = re.compile("i\u0307+")  # what became of İ where somebody made it lower case before
_MARKED = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ð": "d", "þ": "th"})
_DIGEST = re.compile(r"\s*[0-9A-Fa-f]{64}\s*")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UK_POSTCODE = re.compile(r"([a-z]{1,2}[0-9][a-z0-9]?[0-9])[a-z]{2}")
_GENDERS = {"m": "m", "male": "m", "man": "m", "erkek": "m", "f": "f", "female": "f", "woman": "f", "kadin": "f"}


def identity(contact: Contact, default_country: str | None = None) -> Identity | None:
    """One text for each column of SCHEMA, "" for what is missing or unusable.

    None without an e-mail address and a phone number: an external id alone finds only those whom the ad account has
    seen with it before. `default_country` is of those who have none.
    """
    country = (contact.country or "").strip() or default_country
    email, phone = hashed("EMAIL", contact.email), hashed("PHONE", contact.msisdn, country)
    if not (email or phone):
        return None
    return _external_id(contact, country), email, phone


def hashed(key: str, written: str | None, country: str | None = None) -> str:
    """What is sent under one of Meta's keys, of somebody in `country` (two letters): SHA-256 in hex, but for what Meta
    wants as it is; "" if nothing is left.

    Something that is a digest already is not sent: nobody knows by whose rules it was made.
    """
    if written is None or key not in _PLAIN and _DIGEST.fullmatch(written):
        return ""
    formatted = FORMATS[key](written, (country or "").strip().upper())
    if not formatted or key in _PLAIN:
        return formatted
    return hashlib.sha256(formatted.encode()).hexdigest()


def _external_id(contact: Contact, country: str | None) -> str:
    """It goes as it is, and so is left out where it is an e-mail address or the person's phone number."""
    external_id = contact.external_id or ""
    number = with_country_code(contact.msisdn, country)
    if "@" in external_id or number and number == with_country_code(external_id, country):
        return ""
    return external_id if external_id.strip() else ""


def _email(written: str, country: str) -> str:
    """Lower case, without blanks around it; dots and what follows + stay, at Gmail too."""
    address = _DOTTED.sub("i", written.strip().lower())
    name, _, domain = address.partition("@")
    if not (name and domain) or "@" in domain or any(letter.isspace() for letter in address):
        return ""
    return address


def _phone(written: str, country: str) -> str:
    return with_country_code(written, country) or ""


def _name(written: str, country: str) -> str:
    """Letters alone, so John Smith is johnsmith. Turkish ones become Latin, as Meta says that it finds more by those;
    others stay, which it takes, too."""
    # Marks belong to letters in some scripts, such as the vowels of Hindi.
    letters = "".join(one for one in written if unicodedata.category(one)[0] in "LM")
    return unicodedata.normalize("NFC", _latin(letters))


def _first_letter(written: str, country: str) -> str:
    return _name(written, country)[:1]


def _gender(written: str, country: str) -> str:
    return _GENDERS.get(_name(written, country), "")


def _year(written: str, country: str) -> str:
    year = written.strip()
    return year if re.fullmatch(r"(?:19|20)[0-9]{2}", year) else ""


def _month(written: str, country: str) -> str:
    return _number_up_to(12, written)


def _day(written: str, country: str) -> str:
    return _number_up_to(31, written)


def _town(written: str, country: str) -> str:
    """a to z alone."""
    plain = unicodedata.normalize("NFKD", _latin(written).translate(_MARKED))
    return re.sub("[^a-z]", "", plain)


def _state(written: str, country: str) -> str:
    """In the US its two letters, and nothing for a name written out, which would find nobody."""
    state = _name(written, country)
    return "" if country == "US" and len(state) != 2 else state


def _postal_code(written: str, country: str) -> str:
    """In the US the first five digits; in the UK without the last two letters, which say which houses."""
    code = re.sub(r"\s", "", written).lower()
    if country == "US":
        return code[:5] if re.fullmatch(r"[0-9]{5}(?:-?[0-9]{4})?", code) else ""
    full = _UK_POSTCODE.fullmatch(code) if country in ("GB", "UK") else None
    return full.group(1) if full else code


def _country(written: str, country: str) -> str:
    code = written.strip().translate(_TURKISH).lower()
    return {"uk": "gb"}.get(code, code) if re.fullmatch("[a-z]{2}", code) else ""


def _advertising_id(written: str, country: str) -> str:
    """Whoever does not want to be tracked has one of zeros, which is everybody's."""
    device = written.strip().lower()
    return device if _UUID.fullmatch(device) and device.strip("0-") else ""


def _as_it_is(written: str, country: str) -> str:
    return written if written.strip() else ""


def _latin(written: str) -> str:
    """Lower case, with the letters of Turkish that are not Latin as such."""
    return _DOTTED.sub("i", unicodedata.normalize("NFC", written).translate(_TURKISH).lower())


def _number_up_to(most: int, written: str) -> str:
    number = re.fullmatch("0?([1-9][0-9]?)", written.strip())
    return f"{int(number.group(1)):02}" if number and int(number.group(1)) <= most else ""


# How each of Meta's keys is written before it is hashed: `written`, and the country in upper case or "".
FORMATS: Mapping[str, Callable[[str, str], str]] = {
    "EMAIL": _email, "PHONE": _phone, "FN": _name, "LN": _name, "FI": _first_letter, "GEN": _gender, "DOBY": _year,
    "DOBM": _month, "DOBD": _day, "CT": _town, "ST": _state, "ZIP": _postal_code, "COUNTRY": _country,
    "MADID": _advertising_id, "EXTERN_ID": _as_it_is,
}  # fmt: skip
_PLAIN = ("MADID", "EXTERN_ID")
