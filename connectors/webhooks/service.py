"""The HTTP service that vendors post audiences to: who may, how much, and the answers that they expect.

Mixpanel pauses a sync on 400, 401, 403 and 404, so those are for what no retry mends; what may pass is a 5xx, which it
tries again. Not here: what becomes of a message (held.py).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.accounts import Members
from connectors.clock import Clock
from connectors.errors import NotConfigured
from connectors.webhooks.held import Held, Superseded
from connectors.webhooks.messages import Unusable, amplitude_batch, mixpanel_page

SECRET_HEADER = "X-Webhook-Secret"
LARGEST_BODY = 16 * 1024 * 1024  # 10,000 users with 50 properties each are some 10 MB
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Doors:
    """What each vendor has to show; None: nobody is let in."""

    mixpanel: tuple[str, str] | None = field(repr=False)
    amplitude: str | None = field(repr=False)


def doors(environ: Mapping[str, str]) -> Doors:
    """From the environment. Raises NotConfigured unless there is one at least."""
    username, password = environ.get("MIXPANEL_WEBHOOK_USERNAME"), environ.get("MIXPANEL_WEBHOOK_PASSWORD")
    secret = environ.get("AMPLITUDE_WEBHOOK_SECRET")
    if bool(username) != bool(password):
        missing = "MIXPANEL_WEBHOOK_PASSWORD" if username else "MIXPANEL_WEBHOOK_USERNAME"
        raise NotConfigured("webhooks", "settings", f"the environment variable {missing} is missing")
    if not (username and password) and not secret:
        told = "set MIXPANEL_WEBHOOK_USERNAME and MIXPANEL_WEBHOOK_PASSWORD, or AMPLITUDE_WEBHOOK_SECRET, or all three"
        raise NotConfigured("webhooks", "settings", told)
    return Doors((username, password) if username and password else None, secret or None)


def service(
    held: Held, let_in: Doors, members: Members, clock: Clock, land_every: float = 10, largest: int = LARGEST_BODY
) -> Starlette:
    """The application. `members` says which properties of Amplitude's users are e-mail and phone."""

    async def mixpanel(request: Request) -> Response:
        if not let_in.mixpanel or not _is_basic(request, let_in.mixpanel):
            return _refusal("", 401, "the credentials are not those of this service")
        found = await _body(request, largest)
        if isinstance(found, Response):
            return found
        action = str(found.get("action", "")) if isinstance(found, dict) else ""
        try:
            page = mixpanel_page(found)
            whole = await run_in_threadpool(held.page, page)
        except Unusable as error:
            return _refusal(action, 400, str(error))
        except Superseded:
            return _refusal(action, 503, "a newer session of this cohort has begun; send this change again")
        except Exception:
            _log.exception("mixpanel: a page could not be kept")
            return _refusal(action, 503, "the page could not be kept")
        _log.info("mixpanel: cohort %s, %s, page %d of %d, %d members%s", page.audience_id, page.action, page.page,
                  page.pages, len(page.members), ", whole" if whole else "")  # fmt: skip
        return JSONResponse({"action": action, "status": "success"})

    async def amplitude(request: Request) -> Response:
        shown = request.headers.get(SECRET_HEADER, "")
        if not let_in.amplitude or not hmac.compare_digest(shown.encode(), let_in.amplitude.encode()):
            return _refusal("", 401, "the secret is not that of this service")
        found = await _body(request, largest)
        if isinstance(found, Response):
            return found
        try:
            batch = amplitude_batch(found, members)
            new = await run_in_threadpool(held.batch, batch, clock.now())
        except Unusable as error:
            return _refusal("", 400, str(error))
        except Exception:
            _log.exception("amplitude: a batch could not be kept")
            return _refusal("", 503, "the batch could not be kept")
        _log.info("amplitude: cohort %s, %d users, %d without user_id%s", batch.audience_id, len(batch.members),
                  batch.nameless, "" if new else ", known already")  # fmt: skip
        return JSONResponse({"status": "success"})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        landing = asyncio.create_task(_land_now_and_then(held, clock, land_every))
        try:
            yield
        finally:
            landing.cancel()
            with suppress(asyncio.CancelledError):
                await landing
            await run_in_threadpool(_land, held, clock)

    routes = [
        Route("/mixpanel", mixpanel, methods=["POST"]),
        Route("/amplitude", amplitude, methods=["POST"]),
        Route("/health", lambda request: JSONResponse({"status": "ok"})),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _land_now_and_then(held: Held, clock: Clock, every: float) -> None:
    while True:
        await run_in_threadpool(_land, held, clock)
        await asyncio.sleep(every)


def _land(held: Held, clock: Clock) -> None:
    try:
        for note in held.land(clock.now()):
            told = f": {note.reason}" if note.reason else ""
            _log.info("%s: audience %s %s, %s members%s", note.connector, note.key, note.outcome, note.rows, told)
    except Exception:
        _log.exception("landing failed; the next attempt follows")


def _is_basic(request: Request, expected: tuple[str, str]) -> bool:
    kind, _, shown = request.headers.get("Authorization", "").partition(" ")
    wanted = base64.b64encode(":".join(expected).encode())
    return hmac.compare_digest(shown.strip().encode(), wanted) and kind.lower() == "basic"


async def _body(request: Request, largest: int) -> Any:
    """The JSON of a body; a Response if it is too long, however its length is told, or no JSON."""
    too_long = _refusal("", 413, f"a body may have {largest:,} bytes")
    told = request.headers.get("Content-Length", "0")
    if not told.isdecimal() or int(told) > largest:
        return too_long
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                return too_long
        return json.loads(bytes(body))
    except ClientDisconnect:
        return _refusal("", 503, "the body was cut")
    except ValueError:
        return _refusal("", 400, "the body is no JSON")


def _refusal(action: str, status: int, message: str) -> Response:
    error = {"message": message, "code": status}
    return JSONResponse({"action": action, "status": "failure", "error": error}, status_code=status)
