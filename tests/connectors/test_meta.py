"""Custom audiences of Meta, against the stand-in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.destinations import Contact, Destination, Receipt
from connectors.errors import ConnectorError, NotAllowed, NotConfigured, ShortRead, VendorBusy, WindowTooLarge
from connectors.meta.api import appsecret_proof
from connectors.standin.meta import Audience, Session
from connectors.standin.server import Busy, as_json
from tests.connectors.meta_world import SECRET, TOKEN, TURKEY, Here, known, meta_world, one, sha256
from tests.connectors.world import NOON

FAULTS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("meta_faults.yml").read_text("utf-8"))


@pytest.fixture
def here() -> Iterator[Here]:
    with meta_world() as made:
        yield made


def test_a_request_holds_what_the_reference_says_and_nothing_else(here: Here) -> None:
    destination: Destination = here.audience()
    ece = destination.identity(Contact("u", "cust-1", " Ece@example.org", "0532 123 45 67"))
    assert ece == ("cust-1", sha256("ece@example.org"), sha256("905321234567"))
    deniz = ("", sha256("deniz@example.org"), "")
    assert [*destination.keys(deniz)] == [f"EMAIL {deniz[1]}"]
    assert len({*destination.keys(ece)}) == 3
    with destination.sending("add", 2, 1) as adding:
        adding.send([ece, deniz])
    here.send("remove", ece)
    added, removed = here.listener.requests
    assert (added.method, added.path) == ("POST", "/v25.0/120331/users")
    assert (removed.method, removed.path) == ("DELETE", "/v25.0/120331/users")
    schema = ["EXTERN_ID", "EMAIL", "PHONE"]
    number = added.body["session"].pop("session_id")
    assert 0 < number < 2**63
    assert added.body == {
        "session": {"batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 2},
        "payload": {"schema": schema, "data": [[*ece], [*deniz]]},
    }
    assert removed.body == {"payload": {"schema": schema, "data": [[*ece]]}}
    assert added.headers["authorization"] == f"Bearer {TOKEN}"
    assert "appsecret_proof" not in added.params


def test_whoever_is_added_is_in_and_whoever_is_removed_is_out(here: Here) -> None:
    assert here.send("add", one(1), one(2), one(3)) == Receipt(3)
    assert here.send("remove", one(2), one(4)) == Receipt(2)
    here.send("add", one(3))  # once more
    assert here.there.people == known(one(1), one(3))
    assert here.meta.received["add", frozenset(one(3))] == 2


def test_whoever_shares_a_key_with_somebody_removed_is_out_as_well(here: Here) -> None:
    """Meta knows nothing of users: a household with one phone is one person to it, and so is one who moved."""
    household = ("cust-9", "", one(1)[2])
    before = (one(2)[0], sha256("old@example.org"), "")
    here.send("add", one(1), household, one(2), before, one(3))
    here.send("remove", one(1), before)
    assert here.there.people == known(one(3))
    keys = [{*here.audience().keys(person)} for person in (one(1), household, before, one(2))]
    assert keys[0] & keys[1]
    assert keys[2] & keys[3]
    assert not keys[0] & keys[3]


@pytest.mark.parametrize("after_applying", [False, True])
@pytest.mark.parametrize("action", ["add", "remove"])
def test_where_the_service_goes_away_the_batch_is_there_or_not_and_nobody_knows(
    here: Here, action: Any, after_applying: bool
) -> None:
    people = [one(number) for number in range(1, 4)]
    if action == "remove":
        here.send("add", *people)
    here.meta.faults.fail_at, here.meta.faults.after_applying = (2 if action == "add" else 3), after_applying
    here.send(action, people[0])
    for person in people[1:]:
        with pytest.raises(VendorBusy, match="the server failed"):
            here.send(action, person)
    came = people[:2] if after_applying else people[:1]
    assert here.there.people == known(*(came if action == "add" else [each for each in people if each not in came]))
    here.meta.faults.fail_at = None
    for person in people[1:]:
        here.send(action, person)
    assert here.there.people == known(*(people if action == "add" else []))


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: str(case["title"]))
def test_a_fault_is_told_in_one_sentence_without_anybody_in_it(
    here: Here, case: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    here.environ.update({name: value.format(url=here.url) for name, value in case.get("environ", {}).items()})
    here.settings = case.get("settings", TURKEY)
    for name, value in case.get("set", {}).items():
        setattr(here.meta.faults, name, Busy(**value) if name == "busy" else value)
    for name, value in case.get("audience", {}).items():
        setattr(here.there, name, value)
    if case.get("being_replaced"):
        here.there.replaced_until = NOON + timedelta(minutes=case["being_replaced"])
    action, before = case.get("action", "add"), known(one(2))
    here.there.people = {*before}
    said = kind = ""
    try:
        with here.audience(case.get("number", "120331")).sending(action, 1, 1) as sending:
            sending.send([one(1)])
    except ConnectorError as error:
        said, kind = str(error), type(error).__name__
    assert (said, kind) == (case.get("says", ""), case.get("error", ""))
    assert here.clock.slept == case.get("waits", [])
    assert len(here.meta.calls) == case["calls"]
    assert here.there.people == (before if said else before | known(one(1)))
    everything = " ".join([said, *here.said, caplog.text])
    assert not [text for text in (TOKEN, SECRET, *one(1)) if text in everything]


@pytest.mark.parametrize(
    ("audience", "number", "kind", "says"),
    [
        (Audience(), "120331", None, ""),
        (Audience(), "buyers", NotConfigured, "settings: found 'buyers' as audience, expected its number at Meta"),
        (Audience(), "7", ConnectorError, r"there is no such audience, or whom the access token is of may not see it"),
        (Audience(account="43"), "120331", NotAllowed, "it belongs to another ad account than the one of META_AD"),
        (Audience(subtype="LOOKALIKE"), "120331", NotAllowed, "it is no audience of a customer list"),
        (Audience(refusal="flagged"), "120331", NotAllowed, "Meta has flagged it; appeal in the Audience Manager, or"),
        (Audience(refusal="deleted"), "120331", ConnectorError, "the audience was deleted; name another in the"),
        (Audience(replacement=Session("120331", NOON)), "120331", VendorBusy, "it is being replaced, and cannot be"),
    ],
)
def test_what_keeps_everything_from_being_sent_is_found_out_without_sending(
    here: Here, audience: Audience, number: str, kind: type[ConnectorError] | None, says: str
) -> None:
    here.meta.audiences["120331"] = audience
    if kind is None:
        here.audience(number).check()
    else:
        with pytest.raises(kind, match=says):
            here.audience(number).check()
    assert {*here.meta.calls} <= {"GET audience"}


def test_whoever_has_the_secret_of_the_app_proves_it(here: Here) -> None:
    """The vector is of another project that does the same."""
    assert appsecret_proof("ABC", "dummySecret", datetime.fromtimestamp(1697328000, UTC)) == {
        "appsecret_proof": "d103874f3b5f01f57c4f84edfb96ac94055da8f83c2b45e6f26dafca9188ff4d",
        "appsecret_time": "1697328000",
    }
    here.meta.app_secret = SECRET
    with pytest.raises(ConnectorError, match="Invalid appsecret_proof"):
        here.send("add", one(1))
    here.environ["META_APP_SECRET"] = SECRET
    here.send("add", one(1))
    here.clock.sleep(3600)  # a proof does not last long, and is made anew for every call
    here.send("remove", one(1))
    here.audience().check()
    assert SECRET not in repr(here.audience()._account)


def test_ten_thousand_members_go_at_once_and_one_more_does_not(here: Here) -> None:
    people = [one(number) for number in range(10_000)]
    assert here.send("add", *people).received == here.audience().most == 10_000 == len(here.there.people)
    for batch in ([*people, one(10_000)], []):
        with pytest.raises(ValueError, match="expected 1 to 10,000"):
            here.send("add", *batch)
    assert len(here.meta.calls) == 1


@pytest.mark.parametrize("fault", ["most_rows", "too_much_above"])
@pytest.mark.parametrize("action", ["add", "remove"])
def test_a_batch_that_is_too_large_is_cut_until_it_fits(here: Here, action: Any, fault: str) -> None:
    people = [one(number) for number in range(1_000)]
    here.there.people = known(*people) if action == "remove" else set()
    setattr(here.meta.faults, fault, 300)
    with here.audience().sending(action, 2_000, 2) as sending:
        assert sending.send(people) == Receipt(1_000)
        assert sending.send(people) == Receipt(1_000)
    assert here.there.people == (known(*people) if action == "add" else set())
    # Twice too large; then by 250, which the next batch begins with.
    assert len(here.meta.calls) == 2 + 4 + 4
    if action == "add":
        assert [one["last_batch_flag"] for one in here.sessions] == [False] * 9 + [True]
        assert [one["batch_seq"] for one in here.sessions] == [1, 1, 1, 2, 3, 4, 5, 6, 7, 8]
        assert len(here.meta.sessions) == 1


def test_what_is_refused_as_too_large_whatever_its_size_is_not_cut_for_ever(here: Here) -> None:
    here.meta.faults.most_rows = 0
    with pytest.raises(WindowTooLarge, match=r"\(HTTP 400\): it is too much for one call \(code 105\)"):
        here.send("add", *(one(number) for number in range(1_000)))
    assert len(here.meta.calls) == 5  # 1,000, 500, 250, 125 and 63


def test_entries_that_meta_cannot_use_are_counted(here: Here) -> None:
    """It finds an address that is not hashed, and takes everybody else."""
    plain = ("cust-5", "ece@example.org", "")
    with here.audience().sending("add", 6, 3) as adding:
        assert adding.send([one(1), plain]) == Receipt(2, invalid=1)
        assert adding.send([one(2), one(3)]) == Receipt(2)
        assert adding.send([plain, ("", "", "")]) == Receipt(2, invalid=2)
    assert here.there.people == known(one(1), one(2), one(3))
    assert here.send("remove", one(1), plain) == Receipt(2, invalid=1)


@pytest.mark.parametrize("action", ["add", "remove"])
def test_fewer_members_than_were_sent_are_an_error(here: Here, action: Any) -> None:
    here.meta.faults.lost_rows = 1
    with pytest.raises(ShortRead, match=r"audience 120331: 1 of (the )?2 members (of a session )?came"):
        here.send(action, one(1), one(2))


@pytest.mark.parametrize("action", ["add", "remove"])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_neither_the_token_nor_anybodys_id_is_quoted_whatever_meta_says(here: Here, status: int, action: Any) -> None:
    here.environ["META_APP_SECRET"] = SECRET
    words = f"Malformed access token {TOKEN} of {SECRET} with ['ayse.yilmaz', '170', '7', ''] at 7 of 100"
    for code in (190, 100, 2):
        here.listener.says = as_json({"error": {"message": words, "code": code}}, status)
        with pytest.raises(ConnectorError, match="saying") as error:
            here.send(action, ("ayse.yilmaz", "", sha256("1")), ("170", "", sha256("2")), ("7", "", sha256("3")))
        told = " ".join([str(error.value), *here.said])
        assert "Malformed access token *** of *** with ['***', '***', '7', ''] at 7 of 100" in told
        assert not [text for text in (TOKEN, SECRET, "ayse", "170") if text in told]
    with pytest.raises(ConnectorError, match=r"access token \*\*\* of \*\*\*"):
        here.audience().check()


@pytest.mark.parametrize("says", [{}, {"num_received": None}, {"num_received": "many"}, {"num_received": True}])
def test_an_answer_without_a_number_is_no_receipt(here: Here, says: dict[str, Any]) -> None:
    here.listener.says = as_json(says)
    with pytest.raises(ConnectorError, match="the answer does not tell how many members came"):
        here.send("add", one(1))
