"""HTTP for all stand-ins: two ports on loopback, one for the APIs and one for the files that they link to.

Plain threads and sockets, because some faults are faults of the connection: a body that stops in the middle, a length
that is not kept. The second port is another origin, so a client that carries its credentials along is found out.
Not here: what a vendor answers.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What came; `params` holds query, form and the words of a JSON object together, as vendors read them. `body` is
    what was posted as JSON, of any shape; None if it was no JSON. `raw` are the bytes that were posted."""

    method: str
    path: str
    params: dict[str, list[str]]
    headers: dict[str, str]
    on_files_port: bool
    body: Any = None
    raw: bytes = b""

    def param(self, name: str, default: str = "") -> str:
        """The last value of a parameter."""
        return self.params.get(name, [default])[-1]

    @property
    def basic(self) -> tuple[str, str] | None:
        """User and password, base64-encoded or plain."""
        kind, _, rest = self.headers.get("authorization", "").partition(" ")
        if kind != "Basic":
            return None
        with suppress(ValueError):  # which is plain text then
            rest = base64.b64decode(rest, validate=True).decode()
        user, _, password = rest.partition(":")
        return user, password


@dataclass
class Reply:
    """What goes back. `cut`: the connection closes after `body`, before the answer is whole."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def as_json(found: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; underscores of header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(found).encode(), {"Content-Type": "application/json", **named})


class Vendor(Protocol):
    """One vendor's answers; None for a path that is not its own."""

    def answer(self, request: Request, server: StandIn) -> Reply | None:
        """The answer. Called from many threads at once."""
        ...


@dataclass
class Busy:
    """The next `times` calls are refused with `status`, with a `Retry-After` if one is given."""

    times: int = 0
    status: int = 429
    retry_after: str | None = None

    def reply(self) -> Reply | None:
        """The refusal that is due, if one is."""
        if self.times <= 0:
            return None
        self.times -= 1
        headers = {} if self.retry_after is None else {"Retry_After": self.retry_after}
        return as_json({"error": "try again later"}, self.status, **headers)


@dataclass
class Outage:
    """The service is gone from the batch `fail_at` on, counted from 1 over all directions, until that is None again;
    with `after_applying` that one batch still counts, and only its answer is lost."""

    fail_at: int | None = None
    after_applying: bool = False

    def has_begun(self, batch: int) -> bool:
        """Whether a batch gets no answer."""
        return self.fail_at is not None and batch >= self.fail_at

    def swallows(self, batch: int) -> bool:
        """Whether it does not even count."""
        return self.has_begun(batch) and not (batch == self.fail_at and self.after_applying)


class StandIn:
    """The server; use it in a `with`. `url` is the base of all APIs, `files_url` of what they link to."""

    def __init__(self, vendors: Sequence[Vendor], port: int = 0) -> None:
        self._vendors = vendors
        self._servers = [self._server(port, False), self._server(0, True)]
        self.url, self.files_url = (f"http://127.0.0.1:{one.server_address[1]}" for one in self._servers)

    def __enter__(self) -> StandIn:
        for one in self._servers:
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        for one in self._servers:
            one.shutdown()
            one.server_close()

    def answer(self, request: Request) -> Reply:
        """The first vendor that knows the path answers."""
        for vendor in self._vendors:
            if (reply := vendor.answer(request, self)) is not None:
                return reply
        return as_json({"error": "no such path"}, 404)

    def _server(self, port: int, files: bool) -> ThreadingHTTPServer:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True  # a client that has seen enough

            def do_GET(self) -> None:
                _send(self, stand_in.answer(_request(self, files)))

            do_POST = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass  # lines of requests name people

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        return server


def _request(handler: BaseHTTPRequestHandler, files: bool) -> Request:
    parts = urlsplit(handler.path)
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    found: Any = None
    if "json" in handler.headers.get("Content-Type", ""):
        with suppress(ValueError):
            found = json.loads(body or b"{}")
        if isinstance(found, dict):
            pairs += [(key, one if isinstance(one, str) else json.dumps(one)) for key, one in found.items()]
    else:
        pairs += parse_qsl(body.decode(), keep_blank_values=True)
    params: dict[str, list[str]] = {}
    for key, value in pairs:
        params.setdefault(key, []).append(value)
    headers = {key.lower(): value for key, value in handler.headers.items()}
    return Request(handler.command or "GET", parts.path, params, headers, files, found, body)


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, value in reply.headers.items():
        handler.send_header(name, value)
    if isinstance(reply.body, bytes):
        # An answer that is to be cut promises more than it holds.
        handler.send_header("Content-Length", str(len(reply.body) + (1000 if reply.cut else 0)))
        handler.end_headers()
        handler.wfile.write(reply.body)
    else:
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in reply.body:
            if chunk:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if not reply.cut:
            handler.wfile.write(b"0\r\n\r\n")
    if reply.cut:
        handler.close_connection = True
