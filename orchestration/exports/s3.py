"""S3, of AWS or of whoever speaks like it: a file is uploaded in parts, and is an object once they are put together.

That comes last, so nobody sees half a file. Not here: the order in which files get their names (`stores.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import s3fs
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from connectors.errors import (
    BadAnswer,
    BrokenStream,
    ConnectorError,
    CredentialsRefused,
    NotAllowed,
    NotConfigured,
    VendorBusy,
    quoted,
)
from orchestration.exports.stores import Missing, Remote
from segmentation.language.export_places import Url

PART = 16 << 20  # bytes; a file has 10,000 parts at most
MOST_PARTS = 10_000
MISSING = ("404", "NoSuchKey", "NoSuchUpload")
WHO_WE_ARE = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "AuthFailure")
BUSY = ("SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "OperationAborted")
PLAIN = (None, "AES256")  # encryptions under which a checksum of the store is one of the content
SECONDS_TO_CONNECT, SECONDS_TO_ANSWER = 10, 60
_KEYS = {"key": "AWS_ACCESS_KEY_ID", "secret": "AWS_SECRET_ACCESS_KEY", "token": "AWS_SESSION_TOKEN"}
_CODE = re.compile(r"\w+")


@dataclass
class _Upload:
    id: str
    parts: list[dict[str, Any]]
    etag: str  # which the whole has if it is what was sent
    is_told: bool  # whether the store tells checksums of the content


class S3(Remote):
    """A prefix in a bucket. Keys come from `environ`, else from wherever AWS's own tools look for them."""

    def __init__(self, place: Url, workplace: Path, environ: Mapping[str, str], pause: Callable[[float], None]) -> None:
        super().__init__(place, workplace, pause)
        endpoint = environ.get("SEGMENTS_S3_ENDPOINT") or environ.get("AWS_ENDPOINT_URL") or None
        config: dict[str, Any] = {
            "connect_timeout": SECONDS_TO_CONNECT,
            "read_timeout": SECONDS_TO_ANSWER,
            "retries": {"max_attempts": 1},
        }
        if endpoint:  # the checksums that AWS has added are not understood everywhere; ours are compared in any case
            config |= {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
        self._private = [value for name in _KEYS.values() if (value := environ.get(name))]
        self._files = s3fs.S3FileSystem(
            **{word: environ.get(name) or None for word, name in _KEYS.items()},
            endpoint_url=endpoint,
            client_kwargs={"region_name": region} if region else {},
            config_kwargs=config,
            skip_instance_cache=True,
            use_listings_cache=False,
        )
        self._files.retries = 2  # what is below and above it tries again as well
        self._uploads: dict[str, _Upload] = {}

    def reach(self) -> None:
        """Asks for what `clear` asks for. Who may write need not be allowed to look."""
        with suppress(NotAllowed):
            self._ask("connecting", "list_multipart_uploads", MaxUploads=1)

    def clear(self, beginning: str) -> None:
        """Gives up uploads that were not put together. Where nobody may look for them, the bucket has to forget them
        by itself."""
        self._uploads.clear()
        asked = {"Prefix": (self.place / beginning).path}
        try:
            while True:
                answer = self._ask("looking for unfinished uploads", "list_multipart_uploads", **asked)
                for one in answer.get("Uploads", ()):
                    with suppress(Missing):
                        self._ask_for(one["Key"], "abort_multipart_upload", UploadId=one["UploadId"])
                if not answer.get("IsTruncated"):
                    return
                asked |= {"KeyMarker": answer["NextKeyMarker"], "UploadIdMarker": answer["NextUploadIdMarker"]}
        except NotAllowed:
            return

    def close(self) -> None:
        """Connections end with the last reference to them."""

    def read(self, name: str) -> bytes | None:
        """None as well where objects may be written and not read."""
        try:
            with self._asking(f"reading {name}"):
                return bytes(self._files.cat_file(self._path(name)))
        except (Missing, NotAllowed):
            return None

    def fetch(self, name: str, file: Path) -> bool:
        """Straight to the disk."""
        with suppress(Missing), self._asking(f"fetching {name}"):
            self._files.get_file(self._path(name), str(file))
            return True
        return False

    def has(self, name: str, size: int, sha256: str) -> bool:
        """By its size; False as well where nobody may look."""
        with suppress(Missing, NotAllowed):
            return bool(self._ask_for(name, "head_object", under=True)["ContentLength"] == size)
        return False

    def _send(self, name: str, sent: Callable[[int], None]) -> None:
        draft = self.draft(name)
        size = max(PART, -(-draft.stat().st_size // MOST_PARTS))
        begun = self._ask_for(name, "create_multipart_upload", under=True)
        upload = _Upload(begun["UploadId"], [], "", begun.get("ServerSideEncryption") in PLAIN)
        digests: list[bytes] = []
        try:
            with draft.open("rb") as content:
                while piece := content.read(size):
                    number = len(digests) + 1
                    answer = self._ask_for(
                        name, "upload_part", under=True, UploadId=upload.id, PartNumber=number, Body=piece
                    )
                    digests.append(hashlib.md5(piece, usedforsecurity=False).digest())
                    if upload.is_told and _is_other(answer["ETag"], digests[-1].hex()):
                        raise BrokenStream(self._who, f"sending {name}", "other bytes arrived than were sent")
                    upload.parts.append({"PartNumber": number, "ETag": answer["ETag"]})
                    sent(content.tell())
        except BaseException:
            with suppress(ConnectorError):
                self._ask_for(name, "abort_multipart_upload", under=True, UploadId=upload.id)
            raise
        whole = hashlib.md5(b"".join(digests), usedforsecurity=False)
        upload.etag = f"{whole.hexdigest()}-{len(digests)}"
        self._uploads[name] = upload

    def _name(self, name: str) -> None:
        upload = self._uploads.pop(name)
        try:
            answer = self._ask_for(
                name, "complete_multipart_upload", under=True,
                UploadId=upload.id, MultipartUpload={"Parts": upload.parts},
            )  # fmt: skip
        except ConnectorError:
            if not self._is_there(name, upload):  # it may have been done, and the answer was lost
                raise
            return
        if upload.is_told and _is_other(answer.get("ETag", ""), upload.etag):
            raise BrokenStream(self._who, f"naming {name}", "it has another checksum than what was sent; export again")
        with suppress(NotAllowed):
            found = self._ask_for(name, "head_object", under=True)["ContentLength"]
            if found != (size := self.draft(name).stat().st_size):
                raise BrokenStream(
                    self._who, f"naming {name}", f"it has {found:,} bytes, and {size:,} were sent; export again"
                )

    def _is_there(self, name: str, upload: _Upload) -> bool:
        try:
            found = self._ask_for(name, "head_object", under=True)
        except ConnectorError:
            return False
        return found["ContentLength"] == self.draft(name).stat().st_size and found["ETag"].strip('"') == upload.etag

    def _write(self, name: str, content: bytes) -> None:
        self._ask_for(name, "put_object", under=True, Body=content)

    def _remove(self, name: str) -> None:
        with suppress(Missing):
            self._ask_for(name, "delete_object", under=True)

    @property
    def _who(self) -> str:
        return f"s3://{self.place.host}"

    def _path(self, name: str) -> str:
        return f"{self.place.host}/{(self.place / name).path}"

    def _ask_for(self, name: str, method: str, *, under: bool = False, **asked: Any) -> Any:
        """Asks about one object: a name under the place, or a whole key."""
        key = (self.place / name).path if under else name
        return self._ask(f"{method} of {name}", method, Key=key, **asked)

    def _ask(self, what: str, method: str, **asked: Any) -> Any:
        with self._asking(what):
            return self._files.call_s3(method, Bucket=self.place.host, **asked)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (NoCredentialsError, PartialCredentialsError):
            raise NotConfigured(
                self._who, what, "no access key is set; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from None
        except (OSError, BotoCoreError, ValueError) as error:
            raise self._meaning(error, what) from None

    def _meaning(self, error: Exception, what: str) -> ConnectorError:
        code = _code(error)
        told = quoted(_said(error), self._private)
        if code in MISSING:
            return Missing(self._who, what, "there is no such object")
        if isinstance(error, ValueError):
            return NotConfigured(self._who, what, f"found settings that cannot be used ({told})")
        if code == "NoSuchBucket":
            return NotConfigured(self._who, what, "there is no such bucket")
        if code in WHO_WE_ARE:
            return CredentialsRefused(
                self._who,
                what,
                f"the key is not accepted ({code}); look at AWS_ACCESS_KEY_ID and the variables beside it",
            )
        if isinstance(error, PermissionError) or code == "AccessDenied":
            return NotAllowed(self._who, what, f"the key may not do this ({told})")
        if code is None or code in BUSY or code.startswith("5"):
            return VendorBusy(self._who, what, f"no connection, or none that holds ({told})")
        return BadAnswer(self._who, what, told)


def _cause(error: Exception) -> ClientError | None:
    cause = error if isinstance(error, ClientError) else error.__cause__
    return cause if isinstance(cause, ClientError) else None


def _code(error: Exception) -> str | None:
    """The store's word for what is wrong; None if it gave no answer."""
    cause = _cause(error)
    if cause is None:
        return "404" if isinstance(error, FileNotFoundError) else None
    return str(cause.response.get("Error", {}).get("Code") or "?")


def _said(error: Exception) -> str:
    cause = _cause(error)
    if cause is None:
        return type(error).__name__
    told = cause.response.get("Error", {})
    return f"{told.get('Code')}: {told.get('Message')}"


def _is_other(told: str, digest: str) -> bool:
    """Whether a store tells another checksum; one of a form that it invented says nothing."""
    told = told.strip('"')
    return re.fullmatch(r"[0-9a-f]{32}(-\d+)?", told) is not None and told != digest
