"""How Google wants people written and hashed: its own vectors, and people with whom it could go wrong."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.destinations import Contact
from connectors.google.identity import FORMATS, digest, email, identity

VECTORS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("google_identity.yml").read_text(encoding="utf-8")
)
FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "google-customer-match"
theirs = pytest.mark.skipif(not FIXTURES.is_dir(), reason="Google's own files do not lie in ../shared/fixtures")
ALEX = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"  # alexz@example.com
SHOP = "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30"  # +18005550100


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("kind", "vector"), [(kind, one) for kind, each in VECTORS.items() for one in each],
    ids=lambda given: given if isinstance(given, str) else repr(given["written"]),
)  # fmt: skip
def test_it_is_written_as_google_writes_it(kind: str, vector: dict[str, Any]) -> None:
    formatted = FORMATS[kind](vector["written"])
    assert formatted == vector.get("is")
    assert "sha256" not in vector or digest(formatted) == vector["sha256"]


@theirs
def test_every_vector_of_googles_formatter_holds() -> None:
    told = json.loads((FIXTURES / "google_formatter_vectors.json").read_text(encoding="utf-8"))
    for one in told["vectors"]:
        made = digest(FORMATS[one["kind"]](one["input"]))
        assert (made, base64.b64encode(bytes.fromhex(made)).decode()) == (one["sha256_hex"], one["sha256_base64"])
    for one in told["not_hashed"]:
        assert FORMATS[one["kind"]](one["input"]) == one["normalised"]
    for kind, inputs in told["rejected"].items():
        assert [FORMATS[kind](one) for one in inputs] == [None] * len(inputs)
    assert len(told["vectors"]) == 18


@theirs
def test_googles_sample_of_members_is_usable_to_the_last_cell() -> None:
    with (FIXTURES / "audience_members_1.csv").open(encoding="utf-8", newline="") as file:
        cells = [(kind[:5], cell) for row in csv.DictReader(file) for kind, cell in row.items() if cell]
    formatted = [FORMATS[kind](cell) for kind, cell in cells]
    assert len(formatted) == 13
    assert {"+18005550100", "+18005550102", "cloudysanfrancisco@gmail.com", "alexf@altostrat.com"} <= {*formatted}
    assert None not in formatted


@pytest.mark.parametrize(
    ("contact", "known"),
    [
        (Contact("u", email=" AlexZ@example.com", msisdn="+1 800-555-0100"), (ALEX, "", SHOP)),
        (Contact("u", email="alexz@example.com"), (ALEX, "", "")),
        (Contact("u", email="not an address", msisdn="1-800-555-0100"), ("", "", SHOP)),
        (Contact("u", msisdn="(800) 555-0100", country="us"), ("", "", SHOP)),
        (Contact("u", msisdn="0532 123 45 67"), ("", "", sha256("+905321234567"))),  # of the country of the settings
        (Contact("u", msisdn="0532 123 45 67", country=" "), ("", "", sha256("+905321234567"))),
        (Contact("u", msisdn="0532 123 45 67", country="DE"), ("", "", sha256("+495321234567"))),
        (Contact("u", msisdn="0532 123 45 67", country="FR"), None),  # no number there, and not taken for one of ours
        (Contact("u", msisdn="0532 123 45 67", country="Almanya"), None),
        (Contact("u", external_id="cust-1", country="TR"), None),
        (Contact("u", email="", msisdn=" "), None),
        (
            Contact("u", email="Ece.A+shop@gmail.com"),
            (sha256("ecea+shop@gmail.com"), sha256("ecea@gmail.com"), ""),
        ),
        (Contact("u", email="ece+shop@example.org"), (sha256("ece+shop@example.org"), "", "")),
        (Contact("u", email="+shop@gmail.com"), (sha256("+shop@gmail.com"), "", "")),
    ],
)
def test_a_person_is_what_of_them_is_usable(contact: Contact, known: tuple[str, ...] | None) -> None:
    assert identity(contact, "TR") == known


def test_without_a_country_in_the_settings_a_local_number_is_nobodys() -> None:
    assert identity(Contact("u", msisdn="0532 123 45 67")) is None
    assert identity(Contact("u", msisdn="0532 123 45 67", email="alexz@example.com")) == (ALEX, "", "")


def test_no_digest_is_the_one_that_meta_makes_of_the_same_person() -> None:
    """Meta hashes digits without + and keeps the dots of Gmail."""
    made = identity(Contact("u", email="ece.a@gmail.com", msisdn="+1 555 987 6543"))
    assert made == (sha256("ecea@gmail.com"), "", sha256("+15559876543"))
    assert not {sha256("ece.a@gmail.com"), sha256("15559876543")} & {*made}


@given(st.text(max_size=30), st.text(max_size=10), st.sampled_from(["gmail.com", "example.org", "ıİ.com"]))
def test_an_address_that_is_written_once_more_stays_as_it_is(name: str, around: str, domain: str) -> None:
    formatted = email(f"{name}@{domain}")
    assert formatted is None or email(f" {formatted.upper() if formatted.isascii() else formatted}\n") == formatted
    assert formatted is None or formatted.count("@") == 1 and not any(letter.isspace() for letter in formatted)
    assert formatted is None or "." not in formatted.partition("@")[0] or domain != "gmail.com"
