"""Words at rest: sealed with rotating keys, each text bound to the row it belongs to. No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
"""Random; one key is good for 2^32 texts (NIST SP 800-38D, 8.3): a century of a thousand calls."""

SEALED = re.compile(r"sealed:([0-9a-f]{8}):([A-Za-z0-9_-]+=*)")
"""`sealed:<key>:<nonce and ciphertext in base64>`. What looks different is plain text."""


class UnreadableError(Exception):
    """A sealed text that cannot be opened; the message tells an operator why, and has none of its words."""


class Encryption:
    """AES-256-GCM with keys derived from Fernet keys. Without keys, texts stay as they are.

    The newest key seals, every key opens. `row` names the place of a text (table, primary key, column): it
    is authenticated with it, so that a sealed text copied into another row does not open there. AES-GCM and
    not Fernet's own tokens, because it binds the row as associated data and takes 2 µs a line, not 8.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """`keys` are Fernet keys, newest first.

        Raises:
            ValueError: one is no Fernet key.
        """
        self._keys: dict[str, AESGCM] = {}
        for key in keys:
            name, cipher = _derived(key)
            self._keys.setdefault(name, cipher)
        self._newest = next(iter(self._keys), None)

    def __bool__(self) -> bool:
        """Whether texts are sealed."""
        return self._newest is not None

    @property
    def prefix(self) -> str:
        """With what every text begins that the newest key has sealed; without keys it is empty."""
        return f"sealed:{self._newest}:" if self._newest else ""

    def seal(self, text: str, *row: str | int) -> str:
        """The text as it may be stored in `row`."""
        if self._newest is None:
            return text
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + self._keys[self._newest].encrypt(nonce, text.encode(), _identity(row))
        return self.prefix + base64.urlsafe_b64encode(sealed).decode()

    def open(self, stored: str, *row: str | int) -> str:
        """The text that was stored in `row`, sealed or from a time without keys.

        Raises:
            UnreadableError: its key is not known, or it was sealed for another row or altered.
        """
        if not (match := SEALED.fullmatch(stored)):
            return stored
        name, payload = match.groups()
        if (key := self._keys.get(name)) is None:
            raise UnreadableError(f"It was encrypted with key {name}, which is not in ENCRYPTION_KEYS.")
        try:
            sealed = base64.urlsafe_b64decode(payload)
            return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _identity(row)).decode()
        except (InvalidTag, ValueError, binascii.Error):
            raise UnreadableError("It was altered, or encrypted for another row.") from None


def _derived(key: str) -> tuple[str, AESGCM]:
    """A key's name, which tells nothing of it, and its cipher."""
    try:
        secret = base64.b64decode(key.encode(), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    if len(secret) != 32:
        raise ValueError("a key is 32 bytes in URL-safe base64")
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"offhook: words at rest")
    return hashlib.sha256(b"offhook: name of a key\0" + secret).hexdigest()[:8], AESGCM(derive.derive(secret))


def _identity(row: tuple[str | int, ...]) -> bytes:
    return msgspec.json.encode(row)
