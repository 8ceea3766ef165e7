"""Phone numbers with their country code, for vendors that know people by hashes of those.

A number that was guessed wrongly is somebody else's, so what does not say its country needs one that is known. Not
here: how a vendor wants the digits written, and hashing.
"""

from __future__ import annotations

import re
import unicodedata

from phonenumbers import (
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    country_code_for_region,
    format_number,
    is_possible_number_with_reason,
    is_valid_number,
    normalize_digits_only,
    parse,
)

_BEGINS_WITH_PLUS = re.compile(r"[^\d+＋]*[+＋]")
_BETWEEN = ("Nd", "Zs", "Cf", "Pd", "Ps", "Pe")  # digits, blanks, marks that nobody sees, hyphens, brackets
_DOTS = ".．·・･−ー\t"  # with what stands for a hyphen or a blank
_DIGITS, _IN_BRACKETS = re.compile(r"\d(?:.*\d)?", re.DOTALL), re.compile(r"\([^()]*\)")
_AREA_DIGITS = {"abroad": 7, "national": 6, "bare": 4}  # at most, in front of a slash
_LENGTHS = range(8, 16)  # digits of a number with its country code
_FEWEST_BARE = 11  # with fewer it may as well be a number without one: 532 123 45 67 is in Turkey, and in Havana


def with_country_code(written: str | None, country: str | None) -> str | None:
    """The digits of a number, country code first; None if it is no number, or nobody knows of which country.

    `+` or `00` begins a number with its country code, 0 one without. Digits alone are a number of `country` (two
    letters), with its code or without, if they are valid there; else one of another country, if they are enough.
    What has more behind a digit than belongs into one number is none: an extension, a second number, an exponent, or
    the .0 of a table that took it for a fraction.
    """
    if not written:
        return None
    written = _with_its_area(written)
    if not _is_one_number(written):
        return None
    digits, home = normalize_digits_only(written), (country or "").strip().upper()
    if _BEGINS_WITH_PLUS.match(written):
        return _international(digits)
    if digits.startswith("00"):
        return _international(digits[2:])
    if digits.startswith("0"):
        return _local(digits, home)
    return _bare(digits, home)


def _with_its_area(written: str) -> str:
    """Without the slash that some write behind an area code: 030/123456. After more digits it parts two numbers."""
    area, slash, rest = written.partition("/")
    digits = normalize_digits_only(area.replace("(0)", ""))
    if _BEGINS_WITH_PLUS.match(area) or digits.startswith("00"):
        digits, kind = digits.removeprefix("00"), "abroad"
    else:
        kind = "national" if digits.startswith("0") else "bare"
    return f"{area} {rest}" if slash and 2 <= len(digits) <= _AREA_DIGITS[kind] else written


def _is_one_number(written: str) -> bool:
    """Whether nothing but what belongs into one number stands between its first and its last digit, and behind it no
    word but one in brackets, as letters may stand for digits."""
    number = _DIGITS.search(written)
    if not number or written.rstrip().endswith(".0"):
        return False
    behind = _IN_BRACKETS.sub("", written[number.end() :])
    fits = (one in _DOTS or unicodedata.category(one) in _BETWEEN for one in number.group())
    return all(fits) and not any(map(str.isalpha, behind))


def _international(digits: str) -> str | None:
    """As it is written, but for the zero that some leave between the country code and the number: +90 (0) 532 ..."""
    number = _number(f"+{digits}")
    if number and is_valid_number(number):
        return _text(number)
    return digits if number and len(digits) in _LENGTHS else None


def _local(digits: str, home: str) -> str | None:
    number = _number(digits, home)
    return _text(number) if number and is_valid_number(number) else None


def _bare(digits: str, home: str) -> str | None:
    number = _number(f"+{digits}")
    # The country's own code comes first: 49 1512 3456789 in full would be a number of a German village, too.
    if number and number.country_code == country_code_for_region(home) and is_valid_number(number):
        return _text(number)
    if local := _local(digits, home):
        return local
    known = number and is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return _text(number) if number and known and len(digits) >= _FEWEST_BARE else None


def _number(digits: str, country: str | None = None) -> PhoneNumber | None:
    try:
        return parse(digits, country)
    except NumberParseException:
        return None


def _text(number: PhoneNumber) -> str:
    return format_number(number, PhoneNumberFormat.E164).removeprefix("+")
