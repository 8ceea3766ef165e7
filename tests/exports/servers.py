"""Real servers on loopback that exports go to: S3 as moto plays it, SFTP by asyncssh, and a wire that can be cut.

They share no code with what asks them. Faults are switches of the servers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import moto.settings
from moto.server import ThreadedMotoServer

USER, PASSWORD = "netmera", "a secret of nobody"
KEY = {"AWS_ACCESS_KEY_ID": "AKIAOFATEST", "AWS_SECRET_ACCESS_KEY": "another secret", "AWS_REGION": "eu-west-1"}


class Wire:
    """Passes bytes on to a server; each number in `cuts` is a connection that breaks after so many bytes of ours, and
    with `cut` every one does."""

    def __init__(self, port: int) -> None:
        self.cuts: list[int] = []
        self.cut: int | None = None
        self.connections = 0
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                ours, _ = self._listener.accept()
                theirs = socket.create_connection(("127.0.0.1", self._server_port))
                left = self.cuts.pop(0) if self.cuts else self.cut
                self.connections += 1
                for source, target, limit in ((ours, theirs, left), (theirs, ours, None)):
                    threading.Thread(target=_pass_on, args=(source, target, limit), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    with contextlib.suppress(OSError):
        passed = 0
        while (limit is None or passed < limit) and (piece := source.recv(65536)):
            target.sendall(piece)
            passed += len(piece)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@dataclass
class S3Server:
    """`environ` reaches it with a key that may do everything."""

    client: Any
    url: str
    wire: Wire
    environ: dict[str, str]

    def objects(self, bucket: str = "exports") -> list[str]:
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=bucket).get("Contents", ())]

    def uploads(self, bucket: str = "exports") -> list[str]:
        return [one["Key"] for one in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]

    def content(self, key: str, bucket: str = "exports") -> bytes:
        return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def key_that_may(self, *actions: str) -> dict[str, str]:
        """Variables of somebody who may do this alone."""
        iam = boto3.client(
            "iam", endpoint_url=self.url, region_name=KEY["AWS_REGION"],
            aws_access_key_id=KEY["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEY["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip
        name = f"user{len(iam.list_users()['Users'])}"
        iam.create_user(UserName=name)
        if actions:
            allowed = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
            iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        key = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
        return {**self.environ, **key}

    @contextlib.contextmanager
    def strict(self) -> Iterator[None]:
        """Keys count for what they may do; else whoever asks may do everything."""
        before = moto.settings.INITIAL_NO_AUTH_ACTION_COUNT
        moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
        try:
            yield
        finally:
            moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = before

    def begin(self, key: str, bucket: str = "exports") -> None:
        """An upload that somebody who died has begun."""
        self.client.create_multipart_upload(Bucket=bucket, Key=key)


@contextlib.contextmanager
def s3_server() -> Iterator[S3Server]:
    """With an empty bucket `exports`."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    # What it holds belongs to the process, and another file of tests may have used it.
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")).close()
    wire = Wire(port)
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name=KEY["AWS_REGION"],
        aws_access_key_id=KEY["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEY["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    client.create_bucket(Bucket="exports", CreateBucketConfiguration={"LocationConstraint": KEY["AWS_REGION"]})
    try:
        endpoint = f"http://127.0.0.1:{wire.port}"
        yield S3Server(client, f"http://127.0.0.1:{port}", wire, {**KEY, "SEGMENTS_S3_ENDPOINT": endpoint})
    finally:
        wire.close()
        server.stop()


@dataclass
class SftpServer:
    """`root` is what is `/` to whoever logs in. `full_after` is how many bytes find room, `renames` whether a file may
    be renamed, `read_only` a server that lets nobody write."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    known_hosts: Path = Path()
    wire: Any = None
    full_after: int | None = None
    renames: bool = True
    read_only: bool = False

    @property
    def url(self) -> str:
        return f"sftp://127.0.0.1:{self.wire.port}/exports"

    def files(self) -> list[str]:
        return sorted(file.name for file in (self.root / "exports").iterdir())

    def well(self) -> None:
        self.full_after, self.renames, self.read_only = None, True, False
        self.wire.cut = None


@contextlib.contextmanager
def sftp_server(folder: Path) -> Iterator[SftpServer]:
    """Its key is known by the file that `environ` names."""
    told = SftpServer(folder / "root")
    (told.root / "exports").mkdir(parents=True)
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client_key.write_private_key(folder / "key")
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def run(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def serve() -> Any:
        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=_Login, server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(client_key.export_public_key().decode()),
            sftp_factory=lambda channel: _Files(channel, told),
        )  # fmt: skip

    server = run(serve())
    told.wire = Wire(server.get_port())
    told.known_hosts = folder / "known_hosts"
    told.known_hosts.write_text(f"[127.0.0.1]:{told.wire.port} {host_key.export_public_key().decode()}")
    told.environ = {
        "SEGMENTS_SFTP_USER": USER, "SEGMENTS_SFTP_PASSWORD": PASSWORD,
        "SEGMENTS_SFTP_KNOWN_HOSTS": str(told.known_hosts),
    }  # fmt: skip
    try:
        yield told
    finally:
        told.wire.close()

        async def close() -> None:
            server.close()
            await server.wait_closed()

        with contextlib.suppress(TimeoutError):
            run(close())
        loop.call_soon_threadsafe(loop.stop)


class _Login(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, told: SftpServer) -> None:
        super().__init__(channel, chroot=str(told.root).encode())
        self._told = told

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if self._told.read_only and pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("read only")
        return super().open(path, pflags, attrs)

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        if self._told.full_after is not None and offset + len(data) > self._told.full_after:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().write(file_obj, offset, data)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if not self._told.renames:
            raise asyncssh.SFTPPermissionDenied("files are not renamed here")
        super().posix_rename(oldpath, newpath)
