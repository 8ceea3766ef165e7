"""Push messages through Netmera, against the stand-in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.accounts import netmera_account
from connectors.errors import BadAnswer, ConnectorError, CredentialsRefused, NotConfigured, VendorBusy
from connectors.netmera_messages import MaybeSent, NetmeraMessages, PushMessage, Stats
from tests.connectors.tls import hangs_up, self_signed
from tests.connectors.world import NOON, World

SALE = PushMessage("Winter sale", "Everything for half the price")


def messages(here: World) -> NetmeraMessages:
    return NetmeraMessages(netmera_account(here.environ), here.clock, lambda told, seconds: here.said.append(told))


def a_device(platform: str = "ANDROID", token: str | None = "x", permits: bool = True) -> dict[str, Any]:
    return {"platform": platform, "token": token, "deviceModel": "Pixel 5", "pushPermitted": permits}


def tagged(here: World, **devices: list[dict[str, Any]]) -> None:
    """People with these devices, all of them with the tag win_back, and somebody without it."""
    here.netmera.users = {one: {"devices": own} for one, own in devices.items()} | {"other": {"devices": [a_device()]}}
    here.netmera.written.tags["win_back"] = set(devices)


def test_a_message_goes_to_everybody_with_the_tag_and_its_report_comes_back(here: World) -> None:
    tagged(here, ann=[a_device("IOS"), a_device()], bob=[a_device(token=None)], cem=[a_device(permits=False)], dan=[])
    key = messages(here).send(SALE, "win_back", "r1")
    assert messages(here).stats(key) == Stats("FINISHED", sent=3, failed=1, clicked=0)
    assert here.pull("netmera", "messages").failures == []
    results = [(row["user_id"], row["kind"]) for row in here.rows(f"message_events/netmera-{key}")]
    assert sorted(results) == [("ann", "sent"), ("ann", "sent"), ("bob", "failed")]
    (asked,) = (one["asked"] for one in here.netmera.written.messages)
    assert asked == {
        "message": {
            "title": "Winter sale", "text": "Everything for half the price", "platforms": ["IOS", "ANDROID"],
            "ios": {"title": "Winter sale"}, "android": {"title": "Winter sale"},
        },
        "target": {"tag": "win_back"}, "extRef": "r1",
    }  # fmt: skip


def test_a_draft_goes_to_nobody(here: World) -> None:
    tagged(here, ann=[a_device()])
    key = messages(here).define(PushMessage("Winter sale", "Half the price", ("ios",)))
    assert messages(here).stats(key) == Stats("DEACTIVE", 0, 0, 0)
    assert here.netmera.written.messages[0]["asked"]["message"]["message"] == "Half the price"
    assert messages(here).keys(NOON, NOON) == set()


def test_without_a_tag_nothing_is_asked(here: World) -> None:
    with pytest.raises(ValueError, match="without one it might go to everybody"):
        messages(here).send(SALE, " ", "r1")
    assert here.netmera.calls == []


@pytest.mark.parametrize(
    ("faults", "kind", "says"),
    [
        ({"ip_not_allowed": True}, ConnectorError, "this is not permitted"),
        ({"times": 1}, VendorBusy, "too many calls"),
        ({"long": True}, BadAnswer, r"sending a message \(HTTP 400\): the message is too long; shorten its text"),
    ],
)
def test_a_refusal_says_that_nothing_went_out(here: World, faults: dict[str, Any], kind: type, says: str) -> None:
    tagged(here, ann=[a_device()])
    here.netmera.faults.ip_not_allowed = faults.get("ip_not_allowed", False)
    here.netmera.faults.busy.times = faults.get("times", 0)
    message = PushMessage("Winter sale", "x" * 5000) if faults.get("long") else SALE
    with pytest.raises(kind, match=says) as error:
        messages(here).send(message, "win_back", "r1")
    assert not isinstance(error.value, MaybeSent)
    assert here.netmera.written.messages == []
    assert here.netmera.calls == ["sendBulkNotification"]  # nothing is asked again by itself


def test_a_wrong_key_is_told_as_such(here: World) -> None:
    here.environ["NETMERA_API_KEY"] = "wrong"
    with pytest.raises(CredentialsRefused):
        messages(here).send(SALE, "win_back", "r1")


@pytest.mark.parametrize("url", ["http://.example.org", "http://example..org", "http://example.org:99999"])
def test_where_nothing_can_be_sent_nothing_went_out(here: World, url: str) -> None:
    here.environ["NETMERA_URL"] = url
    with pytest.raises(NotConfigured, match="sending a message: the base URL is not a URL of http or https"):
        messages(here).send(SALE, "win_back", "r1")


def test_a_server_that_is_not_trusted_gets_no_message_and_one_that_hangs_up_may_have_it(
    here: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path / "localhost.pem")
    with hangs_up(certificate) as (port, heard):
        here.environ["NETMERA_URL"] = f"https://localhost:{port}"
        with pytest.raises(NotConfigured, match="sending a message: the certificate of the server is not trusted here"):
            messages(here).send(SALE, "win_back", "r1")
        assert heard == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with pytest.raises(MaybeSent, match="it is not known whether the message went out: no connection"):
            messages(here).send(SALE, "win_back", "r1")
        assert len(heard) == 1
    with hangs_up(None) as (port, heard):
        here.environ["NETMERA_URL"] = f"https://localhost:{port}"
        with pytest.raises(MaybeSent, match="went out: the encrypted connection failed; check the base URL"):
            messages(here).send(SALE, "win_back", "r1")


@pytest.mark.parametrize(
    ("faults", "went_out"),
    [({"fail_at": 1}, False), ({"fail_at": 1, "after_applying": True}, True), ({"message_key_missing": True}, True)],
)
def test_where_nobody_knows_whether_it_went_out_it_is_said_and_looked_for(
    here: World, faults: dict[str, Any], went_out: bool
) -> None:
    tagged(here, ann=[a_device()])
    client = messages(here)
    client.send(SALE, "win_back", "an earlier one")
    before = client.keys(here.clock.now(), here.clock.now())
    here.netmera.written._calls = 0
    for name, value in faults.items():
        setattr(here.netmera.faults, name, value)
    with pytest.raises(MaybeSent, match="it is not known whether the message went out: "):
        client.send(SALE, "win_back", "r1")
    assert here.netmera.calls.count("sendBulkNotification") == 2
    until = here.clock.now() + timedelta(minutes=1)
    found = client.find(SALE, here.clock.now(), until, before)
    assert found == ("1002" if went_out else None)
    assert client.find(PushMessage("Another", "x"), here.clock.now(), until, before) is None
    # One like it that was there before is not taken for it, and of two nobody can say which it was.
    assert client.find(SALE, here.clock.now(), until, ()) == (None if went_out else "1001")


@pytest.mark.parametrize(
    ("title", "text", "platforms", "says"),
    [
        (" ", "x", ("ios",), "a message needs a title and a text"),
        ("x", "", ("ios",), "a message needs a title and a text"),
        ("x", "x", (), "found no as platforms, expected ios or android"),
        ("x", "x", ("ios", "web"), "found ios, web as platforms, expected ios or android"),
    ],
)
def test_what_could_not_be_sent_is_no_message(title: str, text: str, platforms: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PushMessage(title, text, platforms)
