"""Signatures as the Standard Webhooks specification has them (version 1.0.0, symmetric), so that receivers can verify
with a library of theirs: https://github.com/standard-webhooks/standard-webhooks.

Not here: where secrets come from (endpoint.py).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes of a secret


def keys_of(written: str) -> tuple[bytes, ...]:
    """The keys of one secret, or of several with blanks between, as they are while one takes over from another.

    Raises ValueError, which does not quote it.
    """
    return tuple(map(_key, written.split()))


def headers(keys: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """What goes with a message that is sent at this moment, signed by each of the keys."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not LEAST <= len(key) <= MOST:
        raise ValueError(f"expected {PREFIX} and {LEAST} to {MOST} bytes in base64")
    return key
