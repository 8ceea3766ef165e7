"""What is posted to a receiver of webhooks, how it is signed, and what is made of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors import errors
from connectors.clock import ManualClock
from connectors.hooks.batch import Batch, Event
from connectors.hooks.endpoint import Hook, receiver
from connectors.hooks.signature import headers, keys_of
from connectors.standin import StandIn, StandInReceiver
from connectors.standin.server import Busy
from tests.connectors.world import NOON

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 32
CASES = yaml.safe_load((Path(__file__).parent / "hook_faults.yml").read_text(encoding="utf-8"))
BATCH = Batch(
    "msg_1",
    "win_back",
    "2026-01-15T00:00:00Z",
    [
        Event("evt_1", "entered", "cust-90017", "0001", "2026-01-15T00:00:00Z", "data"),
        Event("evt_2", "left", "ayşe@example.org", None, "2026-01-15T00:00:00Z", "data"),
    ],
)
BODY = (
    '{"id":"msg_1","segment":"win_back","as_of":"2026-01-15T00:00:00Z","events":['
    '{"id":"evt_1","change":"entered","user_id":"cust-90017","external_id":"0001","at":"2026-01-15T00:00:00Z",'
    '"cause":"data"},'
    '{"id":"evt_2","change":"left","user_id":"ayşe@example.org","external_id":null,"at":"2026-01-15T00:00:00Z",'
    '"cause":"data"}]}'
)


@dataclass
class Here:
    """A receiver on loopback, and what we say of it; `said` is what was told while somebody waited."""

    url: str
    receiver: StandInReceiver
    clock: ManualClock
    environ: dict[str, str]
    said: list[str] = field(default_factory=list)

    def post(self, batch: Batch = BATCH, timeout: float = 30.0) -> None:
        """As a new process would."""
        told = receiver(self.environ, "JOURNEY_HOOK_URL")
        Hook(told, self.clock, lambda sentence, _: self.said.append(sentence), timeout=(timeout, timeout)).post(batch)


@pytest.fixture
def here() -> Iterator[Here]:
    clock = ManualClock(NOON)
    stand_in = StandInReceiver(SECRET, clock=clock)
    with StandIn([stand_in]) as server:
        environ = {"JOURNEY_HOOK_URL": f"{server.url}/hook?token=t0ken", "JOURNEY_HOOK_SECRET": SECRET}
        yield Here(server.url, stand_in, clock, environ)


def test_the_vector_of_the_specification_is_signed_as_it_says() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    assert headers(keys_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}') == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_batch_is_the_same_bytes_whenever_it_is_made() -> None:
    assert BATCH.body == BODY.encode()


def test_what_arrives_is_signed_whole_and_names_its_id_twice(here: Here) -> None:
    here.post()
    assert here.receiver.bodies == [BODY.encode()]
    assert here.receiver.posts == ["msg_1"]
    assert here.receiver.people == {"cust-90017"}


@pytest.mark.parametrize("secrets", [f"{OTHER} {SECRET}", f"{SECRET} {OTHER}", f"  {SECRET}\n"])
def test_while_a_secret_is_replaced_both_sign(here: Here, secrets: str) -> None:
    here.environ["JOURNEY_HOOK_SECRET"] = secrets
    here.post()
    assert here.receiver.refused == []


@pytest.mark.parametrize("path", ["/hook", "/HOOK/", "/hook/a%20b/?x=1&x=2", "/hook?sig=a%2Bb"])
def test_the_address_is_asked_as_it_is_written(here: Here, path: str) -> None:
    here.receiver.path = path.partition("?")[0]
    here.environ["JOURNEY_HOOK_URL"] = f"{here.url}{path}".replace("http", "HTTP")
    here.post()
    assert here.receiver.posts == ["msg_1"]


def test_every_attempt_is_signed_for_its_own_moment(here: Here) -> None:
    here.receiver.faults.busy = Busy(times=2, retry_after="900")
    here.post()
    assert here.clock.slept == [900, 900]
    assert (here.receiver.refused, here.receiver.posts) == ([], ["msg_1"])


@pytest.mark.parametrize("after", [False, True], ids=["before it was taken", "after it was taken"])
def test_a_batch_whose_answer_was_lost_comes_again_with_the_same_id_and_bytes(here: Here, after: bool) -> None:
    def restored(sentence: str, _: float) -> None:
        here.said.append(sentence)
        here.receiver.faults.fail_at = None

    here.receiver.faults.fail_at, here.receiver.faults.after_applying = 1, after
    Hook(receiver(here.environ, "JOURNEY_HOOK_URL"), here.clock, restored).post(BATCH)
    assert here.receiver.posts == ["msg_1", "msg_1"]
    assert here.receiver.bodies == [BODY.encode()] * 2
    assert set(here.receiver.seen.values()) == {1}
    assert here.said == ["webhook, delivery to JOURNEY_HOOK_URL: no connection; asking again"]


def test_a_receiver_that_is_slow_is_asked_again(here: Here) -> None:
    here.receiver.faults.slow, here.receiver.faults.slow_times = 1.5, 1
    here.post(timeout=1.0)
    assert here.said == ["webhook, delivery to JOURNEY_HOOK_URL: no answer in time; asking again"]
    assert set(here.receiver.seen.values()) == {1}


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_each_fault_is_one_sentence_without_people_or_secrets(here: Here, case: dict[str, Any]) -> None:
    here.environ.update({name: value.format(url=here.url) for name, value in case.get("environ", {}).items()})
    if "busy" in case:
        here.receiver.faults.busy = Busy(**case["busy"])
    here.receiver.faults.status = case.get("status")
    here.receiver.faults.location = case.get("location")
    here.receiver.faults.echo = case.get("echo", False)
    if case.get("says") is None:
        here.post()
    else:
        with pytest.raises(getattr(errors, case["error"])) as raised:
            here.post()
        assert str(raised.value) == case["says"]
        for private in ("t0ken", SECRET, SECRET[6:], "cust-90017", "ayşe", "0001", here.url):
            assert private not in str(raised.value)
    assert here.clock.slept == case.get("waits", [])


def test_what_is_kept_of_an_address_does_not_tell_it(here: Here) -> None:
    told = receiver(here.environ, "JOURNEY_HOOK_URL")
    assert "t0ken" not in repr(told) + told.mark
    assert SECRET not in repr(told)
    assert receiver(here.environ, "JOURNEY_HOOK_URL").mark == told.mark
    elsewhere = {**here.environ, "JOURNEY_HOOK_URL": "https://example.org/hook"}
    assert receiver(elsewhere, "JOURNEY_HOOK_URL").mark != told.mark


def test_the_receiver_trusts_nothing_that_is_old_unsigned_or_changed(here: Here) -> None:
    import requests

    keys, body = keys_of(SECRET), BATCH.body
    good = {**headers(keys, "msg_1", NOON, body), "Content-Type": "application/json"}
    old = {**headers(keys, "msg_1", datetime(2026, 1, 15, 11, 54, tzinfo=UTC), body), "Content-Type": "x/json"}
    for sent, posted in (
        (old, body),
        ({**good, "webhook-signature": "v1,AAAA"}, body),
        ({**good, "webhook-id": "msg_2"}, body),
        (good, body.replace(b"entered", b"left")),
        ({}, body),
    ):
        assert requests.post(f"{here.url}/hook", data=posted, headers=sent, timeout=10).status_code == 401
    assert here.receiver.taken == {}
    assert requests.post(f"{here.url}/hook", data=body, headers=good, timeout=10).status_code == 200
    assert list(here.receiver.taken.values()) == [json.loads(BODY)]
