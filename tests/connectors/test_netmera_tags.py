"""Tags of Netmera as a destination, against the stand-in."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.accounts import netmera_account
from connectors.destinations import Action, Contact, Destination, Identity, Receipt
from connectors.errors import BadAnswer, ConnectorError, CredentialsRefused, NotAllowed, VendorBusy
from connectors.netmera import UnknownPeople, netmera_http
from connectors.netmera_tags import NetmeraTag
from tests.connectors.world import World


def the_tag(here: World, tag: str = "win_back") -> NetmeraTag:
    return NetmeraTag(netmera_account(here.environ), tag, here.clock, lambda told, seconds: here.said.append(told))


def people(*ids: str) -> list[Identity]:
    return [(one,) for one in ids]


def crowd(here: World, users: int) -> list[str]:
    """So many users, who are all that Netmera knows."""
    ids = [f"cust-{n}" for n in range(users)]
    here.netmera.users = {one: {} for one in ids}
    return ids


def send(here: World, action: Action, *ids: str) -> Receipt:
    with the_tag(here).sending(action, len(ids), 1) as tagging:
        return tagging.send(people(*ids))


def held(here: World) -> set[str]:
    return here.netmera.written.tags.get("win_back", set())


def test_people_are_their_external_ids_to_the_letter(here: World) -> None:
    destination: Destination = the_tag(here)
    given = {" Cust-007 ": (" Cust-007 ",), "00017": ("00017",), "çağla": ("çağla",), "": None, "  ": None, None: None}
    for external_id, expected in given.items():
        contact = Contact("u1", external_id, email="ece@example.org", msisdn="+905312345678")
        assert destination.identity(contact) == expected, external_id
    assert list(destination.keys(("00017",))) == ["00017"]
    assert destination.most == 1000


def test_whoever_is_added_has_the_tag_and_whoever_is_removed_loses_it(here: World) -> None:
    crowd(here, 4)
    assert send(here, "add", "cust-1", "cust-2", "cust-3") == Receipt(3)
    assert send(here, "remove", "cust-2") == Receipt(1)
    assert send(here, "add", "cust-3") == Receipt(1)  # who has it already keeps it
    assert send(here, "remove", "cust-0") == Receipt(1)  # who never had it does without
    assert held(here) == {"cust-1", "cust-3"}


def test_a_thousand_ids_go_at_once_and_each_goes_once(here: World) -> None:
    ids = crowd(here, 1000)
    assert send(here, "add", *ids) == Receipt(1000)
    assert send(here, "add", *ids[:400], *ids[:400]) == Receipt(800)
    assert here.netmera.calls == ["tagUsers"] * 2
    assert here.netmera.written.received["tagUsers", "win_back", "cust-7"] == 2
    with pytest.raises(ValueError, match=r"found a batch of 1,001 identities, expected at most 1,000"):
        send(here, "add", *ids, "one-more")


def test_netmera_itself_refuses_more_than_a_thousand(here: World) -> None:
    ids = crowd(here, 1001)
    with pytest.raises(BadAnswer, match=r"tagging 1,001 users \(HTTP 400\): refused"):
        the_tag(here).post("add", ids)
    assert held(here) == set()


@pytest.mark.parametrize("unknown", [[0], [999], [0, 1, 2], [17, 400, 401, 998], list(range(0, 1000, 200))])
def test_ids_that_netmera_does_not_know_keep_nobody_else_from_the_tag(here: World, unknown: list[int]) -> None:
    ids = crowd(here, 1000)
    strangers = {ids[n] for n in unknown}
    here.netmera.users = {one: {} for one in ids if one not in strangers}
    assert send(here, "add", *ids) == Receipt(1000, invalid=len(unknown))
    assert held(here) == set(ids) - strangers
    assert len(here.netmera.calls) <= 1 + 2 * 10 * len(unknown)  # halves of a thousand, ten times over
    assert send(here, "remove", *ids) == Receipt(1000, invalid=len(unknown))
    assert held(here) == set()


def test_ids_that_netmera_passes_over_are_no_error(here: World) -> None:
    here.netmera.faults.unknown_ids_ignored = True
    assert send(here, "add", "cust-2", "nobody") == Receipt(2)
    assert held(here) == {"cust-2"}


def test_a_key_of_another_application_is_noticed_before_a_thousand_calls(here: World) -> None:
    crowd(here, 0)
    with pytest.raises(BadAnswer, match="it knows none of the first 100 users; is NETMERA_API_KEY that of another"):
        send(here, "add", *(f"cust-{n}" for n in range(1000)))
    assert len(here.netmera.calls) < 250
    # Some newcomers may be unknown, and everybody who was to lose the tag may have been deleted there.
    assert send(here, "add", *(f"cust-{n}" for n in range(120))) == Receipt(120, invalid=120)
    assert send(here, "remove", *(f"cust-{n}" for n in range(120))) == Receipt(120, invalid=120)


def test_a_call_that_fails_is_repeated_and_then_told(here: World) -> None:
    ids = crowd(here, 3)
    here.netmera.faults.busy.times = 2
    assert send(here, "add", *ids) == Receipt(3)
    here.netmera.faults.fail_at, here.netmera.faults.after_applying = 1, True
    with pytest.raises(VendorBusy, match=r"netmera, untagging 3 users \(HTTP 500\): the server failed"):
        send(here, "remove", *ids)
    assert held(here) == set()  # it had arrived, which nobody could know
    here.netmera.faults.fail_at = None
    assert send(here, "remove", *ids) == Receipt(3)


@pytest.mark.parametrize(
    ("key", "blocked", "kind", "says"),
    [
        ("wrong", False, CredentialsRefused, "the REST API key is refused; check NETMERA_API_KEY"),
        ("netmera-key", True, NotAllowed, 'this is not permitted, saying "Your IP is not allowed"'),
    ],
)
def test_what_keeps_everything_from_being_sent_is_found_out_without_sending(
    here: World, key: str, blocked: bool, kind: type[ConnectorError], says: str
) -> None:
    the_tag(here).check()
    here.environ["NETMERA_API_KEY"], here.netmera.faults.ip_not_allowed = key, blocked
    with pytest.raises(kind, match=says):
        the_tag(here).check()
    with pytest.raises(kind, match=says):
        send(here, "add", "cust-2")
    assert Counter(here.netmera.calls) == {"getSegments": 2, "tagUsers": 1}
    assert not here.netmera.written.received


def test_a_tag_can_be_read_back_if_the_panel_has_a_segment_of_its_name(here: World) -> None:
    ids = crowd(here, 3)
    send(here, "add", *ids)
    assert the_tag(here).read_back() is None
    here.netmera.panel_segments = {7: "win_back", 8: "win_back_too"}
    here.netmera.written.tags["win_back"].remove("cust-1")
    assert the_tag(here).read_back() == {("cust-0",), ("cust-2",)}


def test_no_error_names_anybody(here: World) -> None:
    ids = [f"ece-{n}@example.org" for n in range(3)]
    here.netmera.users = {one: {} for one in ids}
    here.netmera.faults.fail_at = 1
    with pytest.raises(VendorBusy) as error:
        send(here, "add", *ids)
    assert "ece" not in str(error.value)
    assert "ece" not in " ".join(here.said)


def test_whoever_is_unknown_is_not_named(here: World) -> None:
    """Netmera names them; here that is read only in order to halve the batch."""
    http = netmera_http(netmera_account(here.environ), here.clock, lambda told, seconds: None)
    with pytest.raises(UnknownPeople, match=r"tagging \(HTTP 400\): somebody is not known there") as error:
        http.json("POST", "/tagUsers", "tagging", json={"tag": "win_back", "extIds": ["nobody"]})
    assert "nobody" not in str(error.value)


def test_a_tag_has_a_name(here: World) -> None:
    with pytest.raises(ValueError, match="found no name of a tag"):
        the_tag(here, " ")
