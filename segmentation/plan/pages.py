"""Addresses of pages, as rules compare them: without scheme and fragment, the host in lower case.

`https://Shop.Example/#top`, `shop.example/` and `shop.example` are one page; every other slash, and what follows a
question mark, counts. What a rule writes is brought into the same form as what was stored.
Not here: which page views are asked (`live_triggers.py`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from segmentation.language.model import Check, Test
from segmentation.plan.sql import Sql

SCHEME = r"^([A-Za-z][A-Za-z0-9+.\-]*:)?//"
HOST = r"^[^/?]*"
WHOLE = ("equals", "not_equals", "in", "not_in")  # operators that compare a whole address
BEGINNING = ("starts_with", "contains", "not_contains")  # a scheme there can only be that of the address


def address(url: Sql) -> Sql:
    """The address of a stored URL; null where there is none."""
    bare = f"regexp_replace(split_part({url}, '#', 1), '{SCHEME}', '')"
    lowered = f"(lower(regexp_extract({bare}, '{HOST}')) || regexp_replace({bare}, '{HOST}', ''))"
    return Sql(f"regexp_replace({lowered}, '^([^/?]+)/$', '\\1')")


def host(url: Sql) -> Sql:
    """The host of a stored URL, a leading www. apart."""
    return Sql(f"regexp_replace(regexp_extract({address(url)}, '{HOST}'), '^www\\.', '')")


def written(text: str, *, whole: bool) -> str:
    """The address that a rule writes, or the beginning of one."""
    bare = re.sub(SCHEME, "", text.split("#", 1)[0] if whole else text)
    name = re.match(HOST, bare)
    assert name is not None  # it matches the empty text
    lowered = (
        "".join("i" if letter == "İ" else letter.lower() for letter in name[0]) + bare[name.end() :]
    )  # as SQL does
    return re.sub(r"^([^/?]+)/$", r"\1", lowered) if whole else lowered


def of_addresses(check: Check) -> Check:
    """A check on an address, with what it compares in the form that stored addresses have."""
    return replace(check, tests=tuple(_test(test) for test in check.tests))


def _test(test: Test) -> Test:
    if test.operator in WHOLE:
        if isinstance(test.value, tuple):
            return Test(test.operator, tuple(written(str(one), whole=True) for one in test.value))
        return Test(test.operator, written(str(test.value), whole=True))
    if test.operator == "starts_with":
        return Test(test.operator, written(str(test.value), whole=False))
    if test.operator in BEGINNING:
        return Test(test.operator, re.sub(SCHEME, "", str(test.value)))
    return test
