"""SFTP: a file is written under another name beside its place, and renamed in one step.

A server is talked to if its key stands in the file of known hosts, and not before. Not here: the order in which files
get their names (`stores.py`).
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

from connectors.errors import (
    BadAnswer,
    ConnectorError,
    CredentialsRefused,
    NotAllowed,
    NotConfigured,
    VendorBusy,
    quoted,
)
from orchestration.exports.naming import UNFINISHED, unfinished
from orchestration.exports.stores import Missing, Remote
from segmentation.language.export_places import Url

USER, PASSWORD = "SEGMENTS_SFTP_USER", "SEGMENTS_SFTP_PASSWORD"
KEY_FILE, KNOWN_HOSTS = "SEGMENTS_SFTP_KEY_FILE", "SEGMENTS_SFTP_KNOWN_HOSTS"
PORT = 22
SECONDS = 30  # without a sign of life, a server is gone

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what goes wrong is raised, and told once


class _Unknown(Exception):
    """The server's key is in no file of ours."""


class _Refusing(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise _Unknown(f"{key.get_name()} {key.fingerprint}")


class _KnownHosts(SFTPFileSystem):
    """As it is, but servers are told by a file of their keys, and one that falls silent is let go."""

    def __init__(self, host: str, known_hosts: Path, **words: Any) -> None:
        self._known_hosts = known_hosts
        super().__init__(host, host_key_policy=_Refusing(), **words)

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        if self._known_hosts.exists():
            self.client.load_system_host_keys(str(self._known_hosts))
        self.client.set_missing_host_key_policy(self.host_key_policy)
        try:
            self.client.connect(
                self.host, allow_agent=False, look_for_keys=False,
                timeout=SECONDS, banner_timeout=SECONDS, auth_timeout=SECONDS, channel_timeout=SECONDS,
                **self.ssh_kwargs,
            )  # fmt: skip
            transport = self.client.get_transport()
            assert transport is not None
            transport.set_keepalive(SECONDS // 2)  # a workbook may take minutes until there is something to send
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(SECONDS)
        except BaseException:
            self.client.close()
            raise


class Sftp(Remote):
    """A folder of a server, which is made if it is not there."""

    def __init__(self, place: Url, workplace: Path, environ: Mapping[str, str], pause: Callable[[float], None]) -> None:
        super().__init__(place, workplace, pause)
        user, password, key = environ.get(USER), environ.get(PASSWORD), environ.get(KEY_FILE)
        self._known_hosts = Path(environ.get(KNOWN_HOSTS) or "~/.ssh/known_hosts").expanduser()
        if key and not Path(key).expanduser().is_file():
            raise NotConfigured(self._who, "connecting", f"{KEY_FILE} names no file")
        if not user or not (password or key):
            raise NotConfigured(
                self._who, "connecting", f"expected {USER}, and {PASSWORD} or {KEY_FILE}, in the environment"
            )
        self._words: dict[str, Any] = {
            "port": place.port or PORT,
            "username": user,
            "password": password or None,  # of a key file that is locked, it is the passphrase
            "key_filename": str(Path(key).expanduser()) if key else None,
        }
        self._private = [password or ""]
        self._connected: _KnownHosts | None = None
        self._folder = f"/{place.path}"

    def reach(self) -> None:
        """Connects."""
        with self._asking("connecting"):
            pass

    def clear(self, beginning: str) -> None:
        """Makes the folder, and removes drafts."""
        with self._asking(f"looking into {self._folder}") as files:
            files.makedirs(self._folder, exist_ok=True)
            for path in files.ls(self._folder):
                name = posixpath.basename(path)
                if name.startswith(f".{beginning}") and name.endswith(UNFINISHED):
                    files.rm_file(path)

    def read(self, name: str) -> bytes | None:
        """None if it is not there."""
        with self._asking(f"reading {name}") as files, suppress(FileNotFoundError):
            return bytes(files.cat_file(self._path(name)))
        return None

    def fetch(self, name: str, file: Path) -> bool:
        """Straight to the disk."""
        with self._asking(f"fetching {name}") as files, suppress(FileNotFoundError):
            files.ftp.get(self._path(name), str(file))  # get_file takes an error for a file that is none
            return True
        return False

    def has(self, name: str, size: int, sha256: str) -> bool:
        """By its size."""
        with self._asking(f"looking for {name}") as files, suppress(FileNotFoundError):
            return bool(files.info(self._path(name))["size"] == size)
        return False

    def close(self) -> None:
        """Ends the connection."""
        if self._connected is not None:
            self._connected.client.close()
            self._connected = None

    def _send(self, name: str, sent: Callable[[int], None]) -> None:
        with self._asking(f"sending {name}") as files:
            draft, path = self.draft(name), self._path(unfinished(name))
            # put_file of the library tells nothing on the way.
            files.ftp.put(str(draft), path, callback=lambda done, _: sent(done), confirm=False)
            size, arrived = draft.stat().st_size, files.info(path)["size"]
        if arrived != size:  # answers to the last pieces are not waited for
            raise BadAnswer(
                self._who, f"sending {name}", f"{arrived:,} of {size:,} bytes arrived; its disk may be full"
            )

    def _name(self, name: str) -> None:
        with self._asking(f"naming {name}") as files:
            files.mv(self._path(unfinished(name)), self._path(name))

    def _write(self, name: str, content: bytes) -> None:
        with self._asking(f"writing {name}") as files:
            files.pipe_file(self._path(unfinished(name)), content)
        self._name(name)

    def _restore(self, name: str, content: bytes) -> None:
        with self._asking(f"writing {name}") as files:
            files.pipe_file(self._path(name), content)  # what does not work may be renaming

    def _remove(self, name: str) -> None:
        with self._asking(f"removing {name}") as files, suppress(FileNotFoundError):
            files.ftp.remove(self._path(name))

    def _path(self, name: str) -> str:
        return posixpath.join(self._folder, name)

    @property
    def _who(self) -> str:
        port = f":{self.place.port}" if self.place.port else ""
        return f"sftp://{self.place.host}{port}"

    @contextmanager
    def _asking(self, what: str) -> Iterator[_KnownHosts]:
        """The server, connected anew if it has to be. Raises ConnectorError; then a broken connection is given up."""
        try:
            if self._connected is None:
                self._connected = _KnownHosts(
                    self.place.host.strip("[]"), self._known_hosts, skip_instance_cache=True, **self._words
                )
            yield self._connected
        except (OSError, EOFError, paramiko.SSHException, _Unknown) as error:
            meaning = self._meaning(error, what)
            if isinstance(meaning, VendorBusy):
                self.close()
            raise meaning from None

    def _meaning(self, error: Exception, what: str) -> ConnectorError:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        told = quoted(said or type(error).__name__, self._private)
        if isinstance(error, _Unknown):
            scan = f"ssh-keyscan -p {self._words['port']} {self.place.host} >> {self._known_hosts}"
            return NotConfigured(
                self._who,
                what,
                f"its key {error} is not in {self._known_hosts}; if its owner says that it is theirs: {scan}",
            )
        if isinstance(error, paramiko.BadHostKeyException):
            return CredentialsRefused(
                self._who, what,
                f"it shows the key {error.key.fingerprint}, and {self._known_hosts} has another; ask its owner, since"
                " somebody else may be answering",
            )  # fmt: skip
        if isinstance(error, paramiko.AuthenticationException):
            return CredentialsRefused(
                self._who, what, f"we are not let in; look at {USER}, {PASSWORD} and {KEY_FILE} ({told})"
            )
        if isinstance(error, FileNotFoundError):
            return Missing(self._who, what, "there is no such file")
        if isinstance(error, PermissionError):
            return NotAllowed(self._who, what, f"{USER} may not do this ({told})")
        if isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)) and self._is_alive():
            return BadAnswer(self._who, what, told)
        return VendorBusy(self._who, what, f"no connection, or none that holds ({told})")

    def _is_alive(self) -> bool:
        if self._connected is None:
            return False
        transport = self._connected.client.get_transport()
        return transport is not None and transport.is_active() and not self._connected.ftp.get_channel().closed
