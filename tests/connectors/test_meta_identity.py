"""How Meta wants people written and hashed: its own vectors, and people with whom it could go wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.destinations import Contact
from connectors.google.identity import identity as at_google
from connectors.meta.identity import FORMATS, SCHEMA, hashed, identity

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("meta_identity.yml").read_text(encoding="utf-8")
)
VECTORS = Path(__file__).parents[3] / "shared" / "fixtures" / "meta-custom-audience" / "meta_official_vectors.json"
PLAIN = ("MADID", "EXTERN_ID")
MARY = "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79"  # mary@example.com
MARYS = "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e"  # 15559876543


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("key", "case"), [(key, one) for key, each in CASES.items() for one in each],
    ids=lambda given: given if isinstance(given, str) else f"{given.get('written')!r} in {given.get('country')}",
)  # fmt: skip
def test_it_is_written_as_meta_writes_it(key: str, case: dict[str, Any]) -> None:
    made, expected = hashed(key, case.get("written"), case.get("country")), case["is"]
    assert made == (sha256(expected) if expected and key not in PLAIN else expected)
    assert made == case.get("sha256", made)


@pytest.mark.skipif(not VECTORS.is_file(), reason="Meta's own vectors do not lie in ../shared/fixtures")
def test_every_vector_of_metas_guide_holds() -> None:
    told = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    assert [hashed("EMAIL" if "@" in one["input"] else "PHONE", one["input"]) for one in told] == [
        one["sha256"] for one in told
    ]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("contact", "known"),
    [
        (Contact("u", "cust-1", " Mary@example.com", "+1 555 987 6543"), ("cust-1", MARY, MARYS)),
        (Contact("u", "cust-1", "mary@example.com", "none"), ("cust-1", MARY, "")),
        (Contact("u", None, "none", "1-555-987-6543"), ("", "", MARYS)),
        (Contact("u", msisdn="0532 123 45 67"), ("", "", sha256("905321234567"))),  # of the country of the settings
        (Contact("u", msisdn="0532 123 45 67", country=" "), ("", "", sha256("905321234567"))),
        (Contact("u", msisdn="0532 123 45 67", country="DE"), ("", "", sha256("495321234567"))),
        (Contact("u", msisdn="0532 123 45 67", country="FR"), None),  # no number there, and not taken for one of ours
        (Contact("u", msisdn="0532 123 45 67", country="Almanya"), None),
        # Nobody is sent whom Meta would find by the external id alone, if at all.
        (Contact("u", "cust-1", country="TR"), None),
        (Contact("u", "cust-1", "", " "), None),
        (Contact("u", "cust-1", "none", "+0000000000"), None),
        (Contact("u", "cust-1", MARY, MARYS), None),  # made by nobody knows whom
        (Contact("u", " ", "mary@example.com"), ("", MARY, "")),
        (Contact("u", " Cust 1", "mary@example.com"), (" Cust 1", MARY, "")),
        # An external id goes as it is, and would tell what is hashed beside it.
        (Contact("u", "mary@example.com", "mary@example.com"), ("", MARY, "")),
        (Contact("u", "mary.work@example.com", "mary@example.com"), ("", MARY, "")),
        (Contact("u", "05321234567", None, "+90 532 123 45 67"), ("", "", sha256("905321234567"))),
        (Contact("u", "05321234568", None, "+90 532 123 45 67"), ("05321234568", "", sha256("905321234567"))),
    ],
)
def test_a_person_is_what_of_them_is_usable(contact: Contact, known: tuple[str, ...] | None) -> None:
    assert identity(contact, "TR") == known


def test_without_a_country_in_the_settings_a_local_number_is_nobodys() -> None:
    assert identity(Contact("u", msisdn="0532 123 45 67")) is None
    assert identity(Contact("u", "c", "mary@example.com", "0532 123 45 67")) == ("c", MARY, "")


def test_a_row_has_a_cell_for_each_column_and_no_digest_that_google_gets() -> None:
    ece = Contact("u", "cust-1", "ece.a@gmail.com", "+90 532 123 45 67", "TR")
    made, googles = identity(ece), at_google(ece)
    assert made
    assert googles
    assert len(made) == len(SCHEMA)
    assert not {*filter(None, made)} & {*filter(None, googles)}


@given(st.sampled_from(sorted(FORMATS)), st.text(max_size=40), st.sampled_from(["", "TR", "US", "GB"]))
def test_what_is_written_by_the_rules_stays_as_it_is(key: str, written: str, country: str) -> None:
    formatted = FORMATS[key](written, country)
    assert FORMATS[key](formatted, country) == formatted
    assert formatted == "" or formatted.strip()


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20), st.sampled_from([None, "", "TR", "xx"]))
def test_nobodys_address_or_number_can_be_read_in_what_is_sent(
    email: str, number: str, external_id: str, country: str | None
) -> None:
    made = identity(Contact("u", external_id, f"{email}@example.org", number, country), "TR")
    if made:
        assert "@" not in made[0]
        assert all(cell == "" or len(cell) == 64 and int(cell, 16) >= 0 for cell in made[1:])
        assert any(made[1:])
