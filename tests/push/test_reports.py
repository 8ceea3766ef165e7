"""What comes back of messages: after a pull and a run, those of a segment say to how many of its members they went."""

from __future__ import annotations

import pytest

from tests.push.place import Place


@pytest.mark.long
def test_what_became_of_a_message_is_counted_for_the_segment_that_it_went_to(place: Place) -> None:
    place.push()
    place.later(hours=48)
    assert place.world.pull("netmera", "messages").failures == []
    place.workspace.run("2026-01-16")
    sent, scheduled = place.workspace.rows(
        "select segment, message_id, title, channel, status, role, sent, failed, recipients, sent_at::varchar"
        " from segments.segment_messages order by message_id"
    )
    assert sent == ("gold", "1001", "Winter sale", "push", "sent", "included", 1, 1, 2, "2026-01-15 12:00:00")
    assert scheduled[:5] == ("gold", scheduled[1], "Winter sale", "push", "scheduled")
    using = "select dependent, kind, status from segments.segment_dependents where segment = 'gold' order by all"
    assert place.workspace.rows(using) == [
        ("1001", "message", "sent"), (scheduled[1], "message", "scheduled")
    ]  # fmt: skip
    # People are those of the users table, though Netmera names them by their external ids.
    assert place.workspace.rows("select user_id, kind from staging.stg_message_events order by all") == [
        ("ann", "sent"), ("bob", "failed")
    ]  # fmt: skip
    # A later pull brings the same message again, and nothing of it is lost.
    place.world.clock.sleep(3600)
    assert place.world.pull("netmera", "messages").failures == []
    assert ("1001", "Winter sale", "sent", ["gold"]) in place.shown()


def test_a_draft_that_somebody_sends_in_the_panel_is_still_one_of_the_segment(place: Place) -> None:
    place.push(draft=True)
    (draft,) = place.world.netmera.written.messages
    now = round(place.now.timestamp() * 1000)
    result = {"platform": "IOS", "status": "SUCCESS", "installationId": "i", "extId": "A-1", "timeStamp": now,
              "msgTitle": "Winter sale", "msgText": "x"}  # fmt: skip
    draft.update(status="FINISHED", startDate=now, endDate=now, results=[result])
    assert place.world.pull("netmera", "messages").failures == []
    assert place.shown() == [("1001", "Winter sale", "sent", ["gold"])]
