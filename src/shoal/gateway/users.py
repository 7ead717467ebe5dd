"""Users: who may use the gateway, and how much."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from math import ceil
from pathlib import Path
from typing import Final

from shoal.domain.gateway import UserUse
from shoal.errors import ConfigError
from shoal.gateway.refusal import NO_CREDENTIALS, Refusal
from shoal.options import GatewayOptions
from shoal.policy.gateway_params import password_ends, split_username
from shoal.policy.pacing import TokenBucket

_HASH_BEGIN: Final = "scrypt$"
_COST: Final = 2**14
_BLOCK: Final = 8
_PARALLEL: Final = 1
"""RFC 7914's interactive parameters: about 50 ms and 16 MiB a guess."""
_DAY: Final = 86_400.0
_CACHE_SIZE: Final = 10_000
_HASHING_AT_ONCE: Final = 2
"""Guesses that may burn CPU side by side; further ones wait."""
_BURST: Final = 2.0
"""Seconds of a user's rate that may be saved up."""


def hash_password(password: str) -> str:
    """What may stand in ``gateway.users`` instead of a password."""
    salt = secrets.token_bytes(16)
    return f"{_HASH_BEGIN}{_b64(salt)}${_b64(_scrypt(password, salt))}"


def _scrypt(password: str, salt: bytes) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=32)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class User:
    """One user's limits and what it uses of them. Times are the loop's."""

    __slots__ = (
        "_bucket", "_bytes_limit", "_connections_limit", "_elsewhere", "_elsewhere_connections", "_window",
        "bytes", "bytes_down", "bytes_up", "connections",
        "failed", "name", "ok", "refused", "requests",
    )  # fmt: skip

    def __init__(self, name: str, options: GatewayOptions) -> None:
        self.name = name
        self.connections = 0
        self.bytes = 0
        self._elsewhere_connections = 0
        self._elsewhere = (0, 0)
        self.bytes_up = self.bytes_down = self.requests = self.ok = self.failed = self.refused = 0
        self._window = 0.0
        self._connections_limit = options.user_connections
        self._bytes_limit = options.user_bytes
        rate = options.user_rate
        self._bucket = TokenBucket(rate, max(1.0, rate * _BURST)) if rate > 0.0 else None

    def admit(self, now: float) -> Refusal | None:
        """Count one request, or say which limit forbids it."""
        refusal = self._refusal(now)
        if refusal is None:
            self.requests += 1
        else:
            self.refused += 1
        return refusal

    def count(self, up: int, down: int) -> None:
        """Bytes that were moved."""
        self.bytes += up + down
        self.bytes_up += up
        self.bytes_down += down

    def note_elsewhere(self, connections: int, requests: int, bytes_moved: int) -> None:
        """What the other processes of this gateway have of this user, and counted since they began."""
        before_requests, before_bytes = self._elsewhere
        self._elsewhere_connections = connections
        self._elsewhere = (requests, bytes_moved)
        self.bytes += max(0, bytes_moved - before_bytes)
        if self._bucket is not None:
            self._bucket.owe(max(0, requests - before_requests))

    def use(self) -> UserUse:
        """For whoever looks on."""
        return UserUse(
            self.name,
            self.connections,
            self.requests,
            self.ok,
            self.failed,
            self.refused,
            self.bytes_up,
            self.bytes_down,
        )

    def _refusal(self, now: float) -> Refusal | None:
        if self._connections_limit and self.connections + self._elsewhere_connections > self._connections_limit:
            return Refusal(429, "limit", f"more than {self._connections_limit} connections at once", 1)
        if self.over_bytes(now):
            left = ceil(self._window + _DAY - now)
            return Refusal(429, "limit", f"{self._bytes_limit} bytes in 24 hours are used up", left)
        wait = 0.0 if self._bucket is None else self._bucket.take(now)
        if wait > 0.0:
            return Refusal(429, "limit", "too many requests per second", ceil(wait))
        return None

    def over_bytes(self, now: float) -> bool:
        """Whether the bytes of this day are used up."""
        if now - self._window >= _DAY:
            self._window, self.bytes = now, 0
        return bool(self._bytes_limit) and self.bytes >= self._bytes_limit


class Users:
    """Checks credentials: at once where they were seen before or stand in the clear, else off the loop's thread.

    Raises ConfigError for entries that are not understood.
    """

    def __init__(self, options: GatewayOptions) -> None:
        self._key = secrets.token_bytes(32)
        self._options = options
        self._hashes: dict[str, tuple[bytes, bytes]] = {}
        self._digests: dict[str, bytes] = {}
        self._cache: dict[bytes, bool] = {}
        self._room = asyncio.Semaphore(_HASHING_AT_ONCE)
        self._dummy = (secrets.token_bytes(16), secrets.token_bytes(32))
        self.by_name: dict[str, User] = {}
        self._read_entries(options)
        self.required = bool(self._hashes or self._digests)
        self.nobody = User("", options)

    def _read_entries(self, options: GatewayOptions) -> None:
        problems: list[str] = []
        for number, entry in enumerate(_entries(options), 1):
            name, colon, secret = entry.partition(":")
            if not colon or not name or not secret:
                problems.append(f"gateway.users: entry {number} is not NAME:PASSWORD or NAME:HASH")
            elif name in self.by_name:
                problems.append(f"gateway.users: {name!r} is there twice")
            elif not secret.startswith(_HASH_BEGIN):
                self._digests[name] = self._digest(name, secret)
            else:
                try:
                    salt, digest = map(_unb64, secret.removeprefix(_HASH_BEGIN).split("$"))
                    self._hashes[name] = (salt, digest)
                except ValueError:
                    problems.append(f"gateway.users: the hash of {name!r} is damaged")
            self.by_name[name] = User(name, options)
        if problems:
            raise ConfigError(*problems)

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, f"{name}\0{password}".encode("utf-8", "surrogatepass"), "sha256")

    def split(self, username: str) -> tuple[str, str]:
        """The user's name and the parameters behind it."""
        return split_username(username, self.by_name)

    def check(self, name: str, password: str) -> tuple[User, str] | Refusal | None:
        """The user and what of the password is parameters, or why not; None: ``check_slowly`` must find out."""
        if not self.required:
            user = self.nobody if not name else self.by_name.get(name)
            if user is None:
                # Open to all: names only tell sessions apart. Their number is bounded by sharing one user's limits.
                user = self.nobody
            ends = password_ends(password)
            return user, password[ends[0] + 1 :] if ends else ""
        unknown = False
        for secret, rest in _readings(password):
            answer = self._check_one(name, secret)
            if answer is True:
                return self.by_name[name], rest
            unknown = unknown or answer is None
        return None if unknown else NO_CREDENTIALS

    def _check_one(self, name: str, password: str) -> bool | None:
        given = self._digest(name, password)
        known = self._digests.get(name)
        if known is not None:
            return hmac.compare_digest(known, given)
        if name not in self._hashes and not self._hashes:
            return False
        return self._cache.get(given)

    async def check_slowly(self, name: str, password: str) -> tuple[User, str] | Refusal:
        """As ``check``, with hashing in a thread where it must be."""
        for secret, rest in _readings(password):
            answer = self._check_one(name, secret)
            if answer is None:
                # An unknown name costs the same time as a wrong password.
                salt, digest = self._hashes.get(name, self._dummy)
                async with self._room:
                    found = await asyncio.to_thread(_scrypt, secret, salt)
                answer = hmac.compare_digest(found, digest) and name in self._hashes
                self._remember(self._digest(name, secret), answer)
            if answer:
                return self.by_name[name], rest
        return NO_CREDENTIALS

    def _remember(self, digest: bytes, answer: bool) -> None:
        while len(self._cache) >= _CACHE_SIZE:
            del self._cache[next(iter(self._cache))]
        self._cache[digest] = answer

    def note_elsewhere(self, name: str, connections: int, requests: int, bytes_moved: int) -> None:
        """As ``User.note_elsewhere``; unknown names are ignored."""
        user = self.nobody if not name else self.by_name.get(name)
        if user is not None:
            user.note_elsewhere(connections, requests, bytes_moved)

    def all(self) -> list[User]:
        """Every user, with the one that stands for those without a name unless names are required."""
        return [*([] if self.required else [self.nobody]), *self.by_name.values()]


def _readings(password: str) -> list[tuple[str, str]]:
    """The ways to read a password: all of it, or up to a ``_`` where parameters may begin."""
    return [(password, ""), *((password[:end], password[end + 1 :]) for end in password_ends(password))]


def _entries(options: GatewayOptions) -> list[str]:
    entries = list(options.users)
    if options.users_file is not None:
        try:
            lines = Path(options.users_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"gateway.users_file {options.users_file} cannot be read: {error}") from error
        entries += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return entries
