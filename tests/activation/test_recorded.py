"""What is still out there of activations that are in no file any more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestration.activation.named import activations_of
from orchestration.activation.recorded import Call, Calls, left_behind
from segmentation.language.folder import load_texts

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PUSH = "{to: netmera_push, title: Hi, text: Come back, when: daily}"


def a_call(to: str, place: str, there: int | None = 3) -> Call:
    name = f"{to}_{place}"
    return Call("gold", name, to, place, "sent", "3 added", False, NOON, {}, (), None, None, "ada", NOON, there)


@pytest.mark.parametrize(
    ("case", "items", "calls", "left"),
    [
        ("a tag that no file names", "", [a_call("netmera_tag", "vip")], ["netmera_tag_vip"]),
        ("a tag that is in the file", "{to: netmera_tag, tag: vip, when: daily}", [a_call("netmera_tag", "vip")], []),
        ("a message left the file, and its tag did not", "{to: netmera_tag, when: daily}",
         [a_call("netmera_push", "gold"), a_call("netmera_tag", "gold")], []),
        ("a tag left the file, and its message did not", PUSH, [a_call("netmera_tag", "gold")], []),
        ("the message of another tag", PUSH, [a_call("netmera_tag", "vip")], ["netmera_tag_vip"]),
        ("an audience of that name", "{to: netmera_tag, tag: '1', when: daily}", [a_call("meta", "1")], ["meta_1"]),
        ("nobody is there", "", [a_call("meta", "1", there=0)], []),
        ("what was told cannot be taken back", "", [a_call("webhook", "HOOK_URL")], []),
    ],
)  # fmt: skip
def test_a_set_is_left_behind_once_nothing_in_the_file_goes_to_it(
    case: str, items: str, calls: list[Call], left: list[str]
):
    folder = load_texts({"gold.yml": f"name: gold\nwho: [{{tag: gold}}]\nactivate: [{items}]\n"})
    known = Calls({}, {}, {one.stream: one for one in calls})
    found = left_behind(activations_of(folder.definitions["gold"]), known, ())
    assert [one.activation for one in found] == left, case
    assert left_behind((), known, ["gold"]) == [], "a file that cannot be read may name it"
