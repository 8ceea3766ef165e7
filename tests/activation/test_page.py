"""The page of an activation: which gates it has a check for, and what it shows of a call."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from orchestration.activation.named import activations_of
from orchestration.activation.wish import Outcome
from orchestration.assets.activation_metadata import check_specs, metadata
from orchestration.gates.asked import GATES
from orchestration.names import activation_key
from segmentation.language.folder import load_texts

OWN = {
    "a folder of this machine": ({"to": "file", "path": "exports/gold"}, ()),
    "a store": ({"to": "file", "path": "s3://partner/gold"}, ("most_per_run",)),
    "a set of people": ({"to": "meta", "audience": "120331"}, ("ledger", "most_per_run")),
    "a stream of changes": ({"to": "webhook", "url_env": "HOOK_URL"}, ("most_per_run", "backlog")),
    "a message to a set": ({"to": "netmera_push", "title": "Hi", "text": "Come back"}, ("ledger", "most_per_run")),
}


@pytest.mark.parametrize(("item", "own"), OWN.values(), ids=OWN)
def test_a_page_has_a_check_for_each_gate_that_is_asked_and_for_no_other(item: dict[str, Any], own: tuple[str, ...]):
    rule = {"name": "gold", "who": [{"tag": "gold"}], "activate": [{**item, "when": "daily"}]}
    (one,) = activations_of(load_texts({"gold.yml": yaml.safe_dump(rule)}).definitions["gold"])
    specs = [*check_specs(activation_key("gold", one.name), one)]
    assert tuple(spec.name for spec in specs) == (*GATES, *own)
    assert all(spec.blocking for spec in specs)


def test_what_a_destination_remarks_stands_on_the_page_of_the_call():
    said = "an audience is used by Google from 100 members on, and this one has 3"
    quiet = Outcome("sent", "3 added", {"added": 3}, (), {"there": 3})
    told = Outcome("sent", "3 added", {"added": 3}, (), {"there": 3, "remarks": [said]})
    assert metadata(told)["remarks"].value == said
    assert "remarks" not in metadata(quiet)
