"""An activation in words: what goes where, when, and who is left out. Not here: what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.activation.allowed import ALL, VARIABLE, allowed, stays_here
from orchestration.activation.named import SETS, Activation
from orchestration.activation.rhythms import ON_CHANGE, in_words, rhythm

WHERE: Mapping[str, str] = {
    "netmera_tag": "the tag `{place}` at Netmera",
    "netmera_push": "a push message of Netmera, by the tag `{place}`",
    "meta": "the custom audience {place} at Meta",
    "google": "the audience {place} at Google",
    "webhook": "the webhook whose address is in `{place}`",
    "file": "files at `{place}`",
}


def where(activation: Activation) -> str:
    """`the custom audience 120331 at Meta`."""
    return WHERE[activation.to].format(place=activation.place)


def rhythms_in_words(activation: Activation) -> str:
    """`each day after the night's calculation, and when somebody enters`."""
    return ", and ".join(in_words(one) for one in activation.whens)


def description(activation: Activation) -> str:
    """What goes where and when, in sentences."""
    told = [f"Members of {activation.segment} for {where(activation)}, {rhythms_in_words(activation)}."]
    if activation.needs_consent:
        told.append("Only users who consented to ads.")
    if activation.to in SETS:
        told.append("Whoever leaves is taken back." if activation.mirrors else "Nobody is taken back (`add_only`).")
    if any(rhythm(one) in ON_CHANGE for one in activation.whens):
        also = [cause for cause in activation.causes if cause != "data"]
        told.append(f"Changes of data count, and `{'`, `'.join(also)}`." if also else "Only changes of data count.")
    return " ".join(told)


def permission(activation: Activation, environ: Mapping[str, str]) -> str:
    """Whether anything leaves, and what decides on that. Raises ValueError as `allowed` does."""
    if stays_here(activation):
        return "Written to this machine, which needs no permission."
    if activation.to in allowed(environ):
        return f"Sent, as `{VARIABLE}` names `{activation.to}`."
    return f"Dry run: sent only where `{VARIABLE}` names `{activation.to}` or `{ALL}`."
