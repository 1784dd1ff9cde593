"""Keyed hashes of secrets. The key never stands in the ledger, so a stolen ledger cannot be tested against guesses.

| the settings name a key | the gateway has a credential | the key                                    |
|-------------------------|------------------------------|--------------------------------------------|
| yes                     | any                          | that secret, the same for all gateways     |
| no                      | yes                          | derived (HKDF-SHA256) from the credential  |
| no                      | no                           | a random one in a file beside the ledger   |

Keys derived from a credential change when it is rotated: fingerprints then read as unknown, never as
"everything was rotated". A key in the settings avoids that.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from reconciler import storage
from reconciler.errors import SecretMissing
from reconciler.model.secret import Fingerprint, SecretValue

KEY_BYTES = 32
_SALT = b"reconciler/fingerprint/v1"


class FingerprintKey:
    """Makes fingerprints; cannot be printed."""

    __slots__ = ("__key", "key_id")

    def __init__(self, key: bytes) -> None:
        self.__key = key
        self.key_id = hashlib.sha256(b"reconciler/key-id/v1" + key).hexdigest()[:8]

    def of(self, value: SecretValue) -> Fingerprint:
        """The fingerprint of one secret."""
        return Fingerprint(self.key_id, hmac.new(self.__key, value.reveal().encode(), hashlib.sha256).hexdigest())

    def __repr__(self) -> str:
        return f"FingerprintKey({self.key_id})"


def derived(root: SecretValue, purpose: str) -> FingerprintKey:
    """A key from a secret of whatever shape; `purpose` keeps the keys of different gateways apart."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - start-up
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - start-up

    hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=_SALT, info=purpose.encode())
    return FingerprintKey(hkdf.derive(root.reveal().encode()))


def kept(path: Path) -> FingerprintKey:
    """The random key in `path`, made readable for its owner alone when it is not there."""
    try:
        storage.private_folder(path.parent)
        descriptor = storage.open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise SecretMissing(f"the fingerprint key {path} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        key = os.urandom(KEY_BYTES)
        file.write(key)
    return FingerprintKey(key)


def _read(path: Path) -> FingerprintKey:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise SecretMissing(f"the fingerprint key {path} cannot be read: {error.strerror}") from None
    if len(key) != KEY_BYTES:
        raise SecretMissing(f"the fingerprint key {path} is damaged: remove it, and secrets read as unknown once")
    return FingerprintKey(key)
