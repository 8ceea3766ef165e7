"""Numbers of phones as people write them, and whose number that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import phonenumbers
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.phones import with_country_code

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("phones.yml").read_text(encoding="utf-8"))
COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.get('written')} in {case.get('country')}")
def test_a_number_is_one_persons_however_it_is_written(case: dict[str, Any]) -> None:
    assert with_country_code(case.get("written"), case.get("country")) == case.get("is")


@pytest.mark.parametrize("kind", [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
def test_a_number_of_any_country_is_found_from_at_home_and_from_abroad(kind: int) -> None:
    for home in COUNTRIES:
        number = phonenumbers.example_number_for_type(home, kind)
        if number is None:
            continue
        digits, abroad, national = (
            phonenumbers.format_number(number, style)
            for style in (
                phonenumbers.PhoneNumberFormat.E164,
                phonenumbers.PhoneNumberFormat.INTERNATIONAL,
                phonenumbers.PhoneNumberFormat.NATIONAL,
            )
        )
        is_found = digits.removeprefix("+")
        for elsewhere in ("TR", "US", None):
            assert [with_country_code(one, elsewhere) for one in (digits, abroad, f"00{is_found}")] == [is_found] * 3
        assert [with_country_code(one, home) for one in (national, is_found)] == [is_found] * 2


@given(st.text(max_size=40), st.sampled_from([None, "", "TR", "US", "xx"]))
def test_whatever_is_written_is_a_number_in_full_or_none(written: str, country: str | None) -> None:
    found = with_country_code(written, country)
    assert found is None or found.isascii() and found.isdecimal() and found[0] != "0" and 6 < len(found) < 16
    if found:
        assert with_country_code(f"+{found}", None) == found
