"""One asset per activation: where members of a segment go, what the last call came to, and what the gates said.

Activations of one kind of destination are one step, in which each is on its own. Materialized by a person they are dry
unless the run's configuration says `send`; the sensor says so, and whether anything leaves is the environment's word in
either case. What was sent, and a call with nothing to send, materializes; a dry run, a closed gate and a failure are
observed. Nothing here names anybody.
Not here: what is shown of a call (`activation_metadata.py`), when activations are due (`sensors/activations.py`), and
sending (`orchestration/activation`).
"""

import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import dagster as dg
from pydantic import Field

from connectors.errors import ConnectorError
from orchestration.activation.described import description, permission
from orchestration.activation.named import Activation, Cause, activations_of
from orchestration.activation.run import activate
from orchestration.activation.wish import Ending, Outcome, Wish
from orchestration.assets.activation_metadata import check_specs, evaluations, metadata
from orchestration.gates.results import Override
from orchestration.ingest.runs import Around
from orchestration.lifecycle.jobs import USER_TAG
from orchestration.names import (
    ACTIVATION_GROUP,
    ACTIVATION_TAG,
    AS_OF_TAG,
    ENDED_TAG,
    REQUESTED_BY_TAG,
    UNSETTLED_TAG,
    activation_key,
    activation_step,
    segment_key,
)
from orchestration.published import NothingPublished
from orchestration.settings import Settings
from orchestration.warehouse import WarehouseBusy
from segmentation.clock import parse_as_of
from segmentation.language.folder import Folder

WITH_ERRORS = "with_errors"  # the name of the asset of activations that cannot be read, and the kind of its step
KINDS = {"netmera_tag": "netmera", "netmera_push": "netmera"}
WORST: tuple[Ending, ...] = ("failed", "closed", "dry_run", "sent", "nothing")
DONE: tuple[Ending, ...] = ("sent", "nothing")
EXPECTED = (ConnectorError, NothingPublished, WarehouseBusy, ValueError)


class ActivationConfig(dg.Config):
    """What a run wants of its activations."""

    send: bool = Field(False, description="Send, where SEGMENTS_SEND allows it. Without it, the run is dry.")
    override_by: str = Field("", description="Who lets members leave although a gate is closed.")
    override_reason: str = Field("", description="And why. It is kept with what was sent.")
    also: list[str] = Field([], description="initial, definition: send also what came by these causes.")
    withdraw: bool = Field(False, description="Take back all that was sent.")
    replace: bool = Field(False, description="Start anew, at a destination that can.")


def activation_assets(settings: Settings, folder: Folder, around: Around) -> list[dg.AssetsDefinition]:
    """The assets of a folder, a step for each kind of destination; activations that cannot be read are one as well."""
    by_kind: dict[str, list[Activation]] = {}
    unreadable: dict[str, str] = {}
    for definition in folder.definitions.values():
        try:
            for one in activations_of(definition):
                by_kind.setdefault(one.to, []).append(one)
        except ValueError as error:
            unreadable[definition.name] = str(error)
    found = [_step(settings, folder, around, kind, ones) for kind, ones in sorted(by_kind.items())]
    return [*found, _with_errors(unreadable)] if unreadable else found


def _step(
    settings: Settings, folder: Folder, around: Around, kind: str, activations: list[Activation]
) -> dg.AssetsDefinition:
    by_key = {activation_key(one.segment, one.name): one for one in activations}

    @dg.multi_asset(
        name=activation_step(kind),
        specs=[_spec(one, folder, around.environ) for one in activations],
        check_specs=[spec for key, one in by_key.items() for spec in check_specs(key, one)],
        can_subset=True,
        pool=activation_step(kind),
    )
    def step(context: dg.AssetExecutionContext, config: ActivationConfig) -> Iterator[Any]:
        chosen = {key: one for key, one in by_key.items() if key in context.selected_asset_keys}
        if not chosen:
            raise dg.Failure("gates look at what leaves: materialize the asset", allow_retries=False)
        wish = _wish(context, settings, config)
        endings: dict[dg.AssetKey, Ending] = {}
        unsettled = 0
        failures = []
        for key, activation in chosen.items():
            outcome = _activate(context, settings, around, activation, wish)
            endings[key] = outcome.ending
            unsettled += outcome.counts.get("waiting", 0) if outcome.ending in DONE else 0
            for evaluation in evaluations(key, outcome.gates):
                if evaluation.asset_check_key in context.selected_asset_check_keys:
                    yield evaluation
            shown = metadata(outcome)
            if outcome.ending in DONE:
                context.log.info(f"{activation.stream}: {outcome.said}")
                yield dg.MaterializeResult(key, metadata=shown)
            else:
                yield dg.AssetObservation(key, description=outcome.said, metadata=shown)
            if outcome.ending in ("closed", "failed"):
                failures.append(f"{activation.stream}: {outcome.said}")
        worst = next(one for one in WORST if one in endings.values())
        told = {ENDED_TAG: worst} | ({UNSETTLED_TAG: str(unsettled)} if unsettled else {})
        context.instance.add_run_tags(context.run_id, told)
        if failures:
            raise dg.Failure("\n".join(failures), allow_retries=False)

    return step


def _wish(context: dg.AssetExecutionContext, settings: Settings, config: ActivationConfig) -> Wish:
    """What the run wants. It stands for the tick that it is for, or for the moment at which it was asked for."""
    tags = context.run.tags
    is_due = ACTIVATION_TAG in tags
    by = tags.get(REQUESTED_BY_TAG) or tags.get(USER_TAG) or ("its schedule" if is_due else "somebody in Dagster")
    # A run that takes over from one whose process died wants the same, so that a message goes out once.
    record = context.instance.get_run_record_by_id(context.run.root_run_id or context.run_id)
    started = record.create_timestamp.astimezone(UTC) if record else datetime.now(UTC)
    try:
        override = None
        if config.override_by or config.override_reason:
            override = Override(config.override_by, config.override_reason)
        return Wish(
            at=parse_as_of(tags[AS_OF_TAG], settings.zone) if AS_OF_TAG in tags else started,
            by=by,
            send=config.send,
            override=override,
            causes=causes_of(config.also),
            withdraw=config.withdraw,
            replace=config.replace,
            source_run=context.run_id,
            automatic=is_due,
            doing=context.log.debug,
        )
    except ValueError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def causes_of(words: list[str]) -> tuple[Cause, ...]:
    """Causes from words. Raises ValueError for one that is none."""
    known: dict[str, Cause] = {one: one for one in get_args(Cause)}
    if unknown := [word for word in words if word not in known]:
        raise ValueError(f"found {unknown[0]!r} under also, expected {' or '.join(known)}")
    return tuple(known[word] for word in words)


def _activate(
    context: dg.AssetExecutionContext, settings: Settings, around: Around, activation: Activation, wish: Wish
) -> Outcome:
    """What became of one. An error that nobody foresaw is told by its name: its text may hold what is nobody's
    business."""
    try:
        return activate(settings, activation, wish, around.environ, clock=around.clock)
    except EXPECTED as error:
        return Outcome("failed", " ".join(str(error).split()), {})
    except Exception as error:
        context.log.error("".join(traceback.format_tb(error.__traceback__)))
        return Outcome("failed", f"unexpected {type(error).__name__}; the log of the run says where", {})


def _spec(activation: Activation, folder: Folder, environ: Mapping[str, str]) -> dg.AssetSpec:
    try:
        allows = permission(activation, environ)
    except ValueError as error:
        allows = str(error)
    kind = str(activation.options.get("format", "csv")) if activation.to == "file" else activation.to
    return dg.AssetSpec(
        activation_key(activation.segment, activation.name),
        deps=[segment_key(activation.segment)],
        group_name=ACTIVATION_GROUP,
        description=f"{description(activation)}\n\n{allows} A closed gate leaves there what was sent before.",
        kinds={KINDS.get(kind, kind)},
        skippable=True,
        metadata={"to": activation.to, "place": activation.place},
    )


def _with_errors(errors: Mapping[str, str]) -> dg.AssetsDefinition:
    keys = {activation_key(segment, WITH_ERRORS): segment for segment in sorted(errors)}

    @dg.multi_asset(
        name=activation_step(WITH_ERRORS),
        specs=[
            dg.AssetSpec(
                key,
                deps=[segment_key(segment)],
                group_name=ACTIVATION_GROUP,
                description=f"Nothing is sent: {errors[segment]}.",
                skippable=True,
            )
            for key, segment in keys.items()
        ],
        can_subset=True,
    )
    def with_errors(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        yield from ()
        told = [errors[segment] for key, segment in keys.items() if key in context.selected_asset_keys]
        raise dg.Failure("\n".join(told), allow_retries=False)

    return with_errors
