"""Passwords of proxies as the store keeps them: encrypted with a key that lies beside it, not in it.

Whoever gets hold of a database file or a dump of the shared server has no password without the key file. AES-256-GCM
with a random nonce (NIST SP 800-38D); the text is told apart from passwords of older stores by its head.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shoal.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_NAME: Final = "secret.key"
KEY_BYTES: Final = 32
_HEAD: Final = "\x00sealed1:"
"""No password of a proxy begins so: control characters are refused when a list is read."""
_NONCE_BYTES: Final = 12


class Sealer:
    """Seals and opens passwords. ``random_bytes`` draws nonces: two under one key must never be the same."""

    def __init__(self, key: bytes, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._key = key
        self._random_bytes = random_bytes

    @cached_property
    def _cipher(self) -> AESGCM:
        # Most pools have no proxy with a password, and the library takes a while to load.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def seal(self, password: str) -> str:
        """An empty password stays empty, and what is sealed already stays as it is."""
        if not password or password.startswith(_HEAD):
            return password
        nonce = self._random_bytes(_NONCE_BYTES)
        data = nonce + self._cipher.encrypt(nonce, password.encode("utf-8", "surrogatepass"), None)
        return _HEAD + base64.b85encode(data).decode()

    def open(self, sealed: str) -> str:
        """The password; what was never sealed is given back. Raises ``StoreError`` under another key."""
        if not sealed.startswith(_HEAD):
            return sealed
        from cryptography.exceptions import InvalidTag

        try:
            data = base64.b85decode(sealed[len(_HEAD) :])
            plain = self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise StoreError(
                f"passwords in the store were sealed with another key; put the {KEY_NAME} back that belongs to it, or "
                "name it with store.key_file"
            ) from error
        return plain.decode("utf-8", "surrogatepass")


def read_key(path: Path) -> bytes:
    """The key in a file. Raises ``StoreError``."""
    try:
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"the key file {path} cannot be read: {error.strerror or error}") from error
    if len(key) != KEY_BYTES:
        raise StoreError(f"the key file {path} holds {len(key)} bytes instead of {KEY_BYTES}; put the right one back")
    return key


def make_key(path: Path) -> bytes:
    """The key in a file, drawn where it is missing. Raises ``StoreError``."""
    if not path.exists():
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror or error}; choose another data folder with --data") from error
        write_key(path, os.urandom(KEY_BYTES))
    return read_key(path)


def write_key(path: Path, key: bytes) -> None:
    """A new file for this user alone, whole and on disk when this returns; one that is there stays. Raises
    ``StoreError``."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, key)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            # Not a rename: of two processes that start at once the second takes the first one's key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}; choose another place") from error
