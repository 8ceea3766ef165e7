"""How a message is an activation, and what it goes by.

Not here: what is done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.netmera_messages import PushMessage
from orchestration.activation.named import Activation
from segmentation.clock import utc_text

TO, TAG = "netmera_push", "netmera_tag"
# Options that no file has: a message that goes to nobody, and the one of the outbox that is meant.
DRAFT, WAITING = "draft", "waiting"


def push_activation(segment: str, tag: str, message: PushMessage, **more: Any) -> Activation:
    """The activation of a message that stands in no file."""
    options: Mapping[str, Any] = {
        "title": message.title, "text": message.text, "platforms": list(message.platforms), **more
    }  # fmt: skip
    return Activation(segment, TO, tag, (), True, ("data",), options)


def tagging(push: Activation) -> Activation:
    """The set that a message goes to: everybody in the segment has the tag, and nobody else got it from here. It is the
    same set as that of an activation `netmera_tag` with this tag, and what was sent is remembered in the same place."""
    return Activation(push.segment, TAG, push.place, ("daily",), True, ("data",), {})


def message_no(stream: str, at: datetime) -> str:
    """What a message goes by: there is one of an activation for a moment."""
    return f"{stream}-{utc_text(at).replace('-', '').replace(':', '')}"
