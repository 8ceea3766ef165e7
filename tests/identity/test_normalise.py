"""Identifiers in the form in which both sides of a match are compared: the macros themselves, on cases as data."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml
from jinja2 import Environment

from orchestration.settings import DBT_SOURCE

CASES = yaml.safe_load((Path(__file__).parent / "normalised.yml").read_text(encoding="utf-8"))
MACROS = Environment().from_string((DBT_SOURCE / "macros/identity/normalise.sql").read_text(encoding="utf-8")).module


@pytest.mark.parametrize("macro", CASES)
def test_identifiers_are_compared_in_one_form(macro: str):
    expression = getattr(MACROS, macro)("written")
    with duckdb.connect() as connection:
        came = [
            connection.execute(f"select {expression} from (select ?::varchar as written)", [written]).fetchall()[0][0]
            for written, _ in CASES[macro]
        ]
    assert came == [expected for _, expected in CASES[macro]]


@pytest.mark.parametrize("macro", CASES)
def test_what_has_its_form_already_keeps_it(macro: str):
    forms = [expected for _, expected in CASES[macro] if expected is not None]
    with duckdb.connect() as connection:
        came = connection.execute(f"select {getattr(MACROS, macro)('form')} from unnest(?) as t (form)", [forms])
        assert [form for (form,) in came.fetchall()] == forms
