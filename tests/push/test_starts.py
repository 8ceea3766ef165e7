"""How messages are asked for: the command line, the job `send_push`, and the sensor that serves those that wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from orchestration.push.job import OP, push_job
from orchestration.push.outbox import Push
from orchestration.sensors.push import push_sensor
from tests.cli.conftest import call
from tests.push.place import Place

ASKED = ("push", "gold", "--title", "Winter sale", "--text", "Half the price")
pytestmark = pytest.mark.long  # a dozen whole calls, with Dagster around some of them
QUIETLY = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(autouse=True)
def environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.workspace.root)
    given = {
        **place.world.environ, "SEGMENTS_HOME": str(place.settings.home), "SEGMENTS_LANDING": place.settings.landing
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)


def run(place: Place, **config: Any) -> dg.ExecuteInProcessResult:
    return push_job(place.settings).execute_in_process(
        run_config={"ops": {OP: {"config": config}}, **QUIETLY},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = (one for one in result.all_events if one.is_step_failure)
    return str(event.step_failure_data.user_failure_data.description)


def a_push(at: datetime) -> Push:
    """A message that waits; its moment is one of the machine's clock, for which the data are old."""
    told = {"override_by": "ece", "override_reason": "a test"}
    return Push("one", "gold", "gold", "Winter sale", "Half the price", ("android",), "ece", at, at, **told)


# ---------------------------------------------------------------- the command line


def test_a_draft_by_hand_is_a_dry_run_until_somebody_means_it(place: Place) -> None:
    dry = call(*ASKED)
    assert (dry.exit_code, dry.stderr) == (0, "")
    assert dry.stdout.startswith("gold: “Winter sale” would be made as a draft for the tag gold, which 3 would have")
    assert place.tagged == {}
    done = call(*ASKED, "--send", "--json")
    assert (done.exit_code, json.loads(done.stdout)["ending"]) == (0, "sent")
    assert place.sent == []
    assert [status for _, _, status, _ in place.shown()] == ["draft"]


def test_a_message_by_hand_goes_out_now_or_waits(place: Place) -> None:
    assert call(*ASKED, "--now", "--send").exit_code == 0
    assert place.sent == ["Winter sale"]
    waiting = call(*ASKED, "--at", "2100-01-01", "--send", "--platforms", "ios")
    assert waiting.stdout.startswith("waiting     2100-01-01T00:00:00Z  gold  “Winter sale”  gold-21000101T000000Z-")
    listed = json.loads(call("pushes", "--json").stdout)
    assert [(one["state"], one["platforms"]) for one in listed] == [("done", ["ios", "android"]), ("new", ["ios"])]
    back = call("pushes", "--cancel", listed[1]["id"])
    assert back.stdout.startswith("failed      2100-01-01T00:00:00Z  gold  “Winter sale”")
    assert [line.split()[0] for line in call("pushes").stdout.splitlines()] == ["sent", "failed"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--now", "--draft"), 2, "expected one of --draft, --at and --now"),
        (("--platforms", "ios,web"), 2, "found ios, web as platforms, expected ios or android"),
        (("--override", "it is Friday"), 2, "--override needs a name: --by WHO"),
        (("--at", "yesterday", "--send"), 2, "found 'yesterday'"),
        (("--at", "2020-01-01", "--send"), 1, "expected one that is still to come"),
    ],
)
def test_what_makes_no_sense_is_told(place: Place, words: tuple[str, ...], code: int, says: str) -> None:
    result = call(*ASKED, *words)
    assert result.exit_code == code
    assert says in result.stderr
    assert place.states() == []


def test_an_unknown_message_and_one_that_is_not_in_doubt_are_told(place: Place) -> None:
    unknown = call("pushes", "--cancel", "x")
    assert (unknown.exit_code, unknown.stderr) == (1, "there is no message x: `segments pushes` lists them\n")
    waiting = place.later()
    told = call("pushes", "--settle", waiting.id, "--did-not-go-out")
    assert told.stderr == f"the message {waiting.id} is not in doubt: it is waiting\n"
    assert call("pushes", "--went-out", "1").exit_code == 2


# ---------------------------------------------------------------- Dagster


def test_the_job_does_what_the_command_does(place: Place) -> None:
    fields = {"segment": "gold", "title": "Winter sale", "text": "Half the price", "by": "ece"}
    assert run(place, **fields).success
    assert place.tagged == {}
    result = run(place, **fields, when="now", send=True)
    assert result.success
    (shown,) = (one for one in result.all_events if one.event_type_value == "STEP_OUTPUT")
    assert shown.event_specific_data.metadata["message"].value == "1001"
    assert run(place, **fields, when="2100-01-01", send=True).success
    assert [status for _, _, status, _ in place.shown()] == ["sent", "scheduled"]


def test_the_job_says_why_it_sends_nothing(place: Place) -> None:
    fields = {"segment": "gold", "title": "Winter sale", "text": "Half the price"}
    assert failure(run(place, **fields)) == "found nobody under `by`, expected who asks for it"
    assert failure(run(place, **fields | {"text": ""}, by="ece")) == "a message needs a title and a text"
    place.world.netmera.faults.ip_not_allowed = True
    assert "this is not permitted" in failure(run(place, **fields, by="ece", send=True, when="now"))
    assert place.sent == []


def test_a_message_whose_moment_has_come_becomes_one_run(place: Place) -> None:
    sensor, instance = push_sensor(place.settings), dg.DagsterInstance.ephemeral()
    now = datetime.now(UTC)
    place.outbox.add(a_push(now - timedelta(seconds=10)))
    (request,) = sensor(dg.build_sensor_context(instance)).run_requests
    assert request.run_key == "one/0/"
    config = request.run_config["ops"][OP]["config"]
    assert run(place, **config).success
    assert place.sent == ["Winter sale"]
    assert isinstance(sensor(dg.build_sensor_context(instance)), dg.SkipReason)


def test_a_message_that_nobody_could_send_in_time_fails_where_somebody_sees_it(place: Place) -> None:
    sensor, instance = push_sensor(place.settings), dg.DagsterInstance.ephemeral()
    place.outbox.add(a_push(datetime.now(UTC) - timedelta(hours=2)))
    (request,) = sensor(dg.build_sensor_context(instance)).run_requests
    assert request.run_key == "one/0//too_late"
    assert "nobody could send it then" in failure(run(place, **request.run_config["ops"][OP]["config"]))
    assert place.sent == []
    assert isinstance(sensor(dg.build_sensor_context(instance)), dg.SkipReason)
