"""What Netmera's API tells, and where it lands."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.connectors.world import World


def test_segments_land_as_audiences(here: World) -> None:
    assert here.pull("netmera", "audiences").failures == []
    rows = here.rows("audience_members/netmera-5883")
    assert [(row["connector_user_id"], row["msisdn"]) for row in rows] == [
        ("cust-90017", "+905312345678"),
        ("cust-2", None),
    ]
    assert here.rows("audiences/netmera-5883")[0]["reported_users"] == 2


def test_everybody_in_a_segment_is_a_user_with_attributes_and_devices(here: World) -> None:
    here.pull("netmera", "users")
    ece, other = here.rows("users/netmera")
    assert (ece["user_id"], ece["external_id"], ece["email"]) == ("cust-90017", "cust-90017", "ece@example.org")
    assert (ece["attributes"], other["attributes"]) == ('{"age":34}', "{}")
    (device,) = here.rows("devices/netmera")
    assert (device["user_id"], device["platform"], device["push_permission"]) == ("cust-90017", "android", True)
    assert "push-address" not in device["device_id"]


def test_whoever_has_no_external_id_is_counted_and_left_out(here: World) -> None:
    here.netmera.segments = {1: ("brand", ["", "cust-2"])}
    report = here.pull("netmera", "users")
    assert report.remarks == ["netmera: 2 members of segments have no externalId and are left out"]  # iOS and Android
    assert [row["user_id"] for row in here.rows("users/netmera")] == ["cust-2"]


def test_a_user_that_netmera_no_longer_knows_has_no_attributes(here: World) -> None:
    here.netmera.users = {}
    assert here.pull("netmera", "users").failures == []
    assert [row["attributes"] for row in here.rows("users/netmera")] == ["{}", "{}"]


def test_results_are_followed_page_by_page(here: World) -> None:
    report = here.pull("netmera", "messages")
    rows = here.rows("message_events/netmera-749")
    assert [row["kind"] for row in rows].count("sent") == 24
    assert [row["user_id"] for row in rows if row["kind"] == "failed"] == ["cust-90017"]
    assert here.netmera.calls.count("getPushResult") == 3
    assert report.remarks == ["netmera, message 749: 1 of 26 results name no externalId and are left out"]
    (message,) = here.rows("messages/netmera-749")
    assert (message["title"], message["channel"], message["status"]) == ("Hello", "push", "sent")
    assert message["sent_at"] == datetime(2026, 1, 14, 9, tzinfo=UTC)


def test_results_that_netmera_has_forgotten_stay_here(here: World) -> None:
    here.pull("netmera", "messages")
    before = here.files()
    here.netmera.messages = [{**here.netmera.messages[0], "results": here.netmera.messages[0]["results"][:3]}]
    told = "netmera, results of message 749: 3 results came of which 25 are there; Netmera forgets them after two weeks"
    assert here.told("netmera", "messages") == [told]
    assert here.files() == before


def test_the_next_page_is_asked_of_the_address_in_the_settings(here: World) -> None:
    """The vendor names its own host, and the key goes to no other than ours."""
    here.server.url = "http://127.0.0.1:9"
    assert here.pull("netmera", "messages", since=date(2026, 1, 14)).failures == []
    assert len(here.rows("message_events/netmera-749")) == 25
