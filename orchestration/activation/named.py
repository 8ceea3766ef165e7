"""The activations of a segment: where its members go by `activate`, with the names that each goes by.

Items that say the same but for `when` are one activation with several rhythms.

Not here: when it is due, and what it does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from segmentation.language.model import Definition

Cause = Literal["data", "initial", "definition"]
PLACES = {  # the word that says where at the destination
    "netmera_tag": "tag", "netmera_push": "tag", "meta": "audience", "google": "audience", "webhook": "url_env",
    "file": "path",
}  # fmt: skip
ADS = frozenset({"meta", "google"})  # where only those go who consented to ads
SETS = ("netmera_tag", "meta", "google")  # which hold a set of people, of whom a ledger is kept
_PLAIN = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Activation:
    """`place` is an audience, a tag, a variable or a path; for tags the segment's name if none is written. `whens` are
    as written. `causes` are those of entering and leaving that are sent. `options` are the other words as written."""

    segment: str
    to: str
    place: str
    whens: tuple[str | Mapping[str, Any], ...]
    mirrors: bool
    causes: tuple[Cause, ...]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name among the activations of the segment, which is part of an asset's key: `meta_120331`. Files of
        several formats in one folder are several."""
        stem = f"{self.to}_{self.place}"
        if self.to == "file":
            stem += f"_{self.options.get('format', 'csv')}"
        if _PLAIN.fullmatch(stem):
            return stem
        digest = hashlib.sha256(stem.encode()).hexdigest()[:6]
        return f"{re.sub('[^A-Za-z0-9]+', '_', stem).strip('_')}_{digest}"

    @property
    def stream(self) -> str:
        """What was sent is remembered under this name: `win_back.meta_120331`."""
        return f"{self.segment}.{self.name}"

    @property
    def needs_consent(self) -> bool:
        """Whether only those go there who consented to ads."""
        return self.to in ADS


def activations_of(definition: Definition) -> tuple[Activation, ...]:
    """The activations of a segment in the order of its file. Raises ValueError in one sentence for two that send
    different things to one place."""
    found: dict[str, Activation] = {}
    for written in definition.activate:
        one = _activation(definition.name, written)
        before = found.setdefault(one.name, one)
        if before is one:
            continue
        if replace(one, whens=before.whens) != before:
            raise ValueError(
                f"{definition.name} goes to {one.to} {one.place} in two ways, expected one, or another place"
            )
        found[one.name] = replace(before, whens=(*before.whens, *one.whens))
    return tuple(found.values())


def _activation(segment: str, written: Any) -> Activation:
    to = written["to"]
    words = {"to", "when", "mode", "also", PLACES[to]}
    return Activation(
        segment=segment,
        to=to,
        place=str(written.get(PLACES[to], segment)),
        whens=(written["when"],),
        mirrors=written.get("mode", "mirror") == "mirror",
        causes=("data", *written.get("also", ())),
        options={word: value for word, value in written.items() if word not in words},
    )
