"""Tokens with scopes: made, shown once, kept as hashes, revoked."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from enum import IntEnum
from typing import Final

import msgspec
from msgspec import Struct

from shoal.errors import StoreError
from shoal.ports import Clock, Store

_META: Final = "api-tokens"
_FRESH: Final = 2.0
"""Seconds for which the list is believed: another process may have revoked one."""
_TRIES: Final = 100
"""Rounds that a change may lose against others before it gives up."""
TOKEN_LIMIT: Final = 1_000
"""Tokens at most."""


class Scope(IntEnum):
    """Each may do what those before it may."""

    READ = 1
    """Look at everything that is no secret."""
    USE = 2
    """Take proxies, with passwords, and tell what came of them."""
    WRITE = 3
    """Change what is in the pool: import, delete, tag, sources, links."""
    ADMIN = 4
    """Tokens and settings."""

    @property
    def word(self) -> str:
        return self.name.lower()


SCOPES: Final = {scope.word: scope for scope in Scope}


class Token(Struct, frozen=True):
    """``hash`` is the SHA-256 of the token in hexadecimal; ``rate`` is in requests a second, None for the settings'."""

    id: str
    name: str
    scope: Scope
    hash: str
    created_at: float
    expires_at: float = 0.0
    rate: float | None = None


_PATIENCE: Final = 0.3
"""Seconds for which a request waits for the newest list."""
_decoder: Final = msgspec.json.Decoder(list[Token])


class TokenBook:
    """The tokens of one store. ``new_text`` draws what nobody can guess."""

    def __init__(self, store: Store, clock: Clock, new_text: Callable[[int], str]) -> None:
        self._store = store
        self._clock = clock
        self._new_text = new_text
        self._by_hash: dict[str, Token] = {}
        self._loaded_at = 0.0
        self._is_known = False

    async def refresh(self) -> None:
        """Read the list again if it is not fresh. Once it was read, a store that is away is not waited for: what was
        known last holds until it is back. Raises StoreError before."""
        now = self._clock.now()
        if 0.0 <= now - self._loaded_at < _FRESH:
            return
        if not self._is_known:
            await self._load()
            return
        # Whoever comes meanwhile goes on with what is known.
        self._loaded_at = now
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._load()

    def find(self, shown: str) -> Token | None:
        """The token that a client shows, None when there is none such or its time is over."""
        hashed = hashlib.sha256(shown.encode("utf-8", "surrogateescape")).hexdigest()
        token = self._by_hash.get(hashed)
        return None if token is None or 0.0 < token.expires_at <= self._clock.now() else token

    async def all(self) -> list[Token]:
        """In the order in which they were made."""
        await self._load()
        return sorted(self._by_hash.values(), key=lambda token: token.created_at)

    async def make(self, name: str, scope: Scope, expires_at: float, rate: float | None) -> tuple[Token, str] | None:
        """A new one and its text, which is nowhere else. None when there are too many."""
        text = f"shoal_{self._new_text(24)}"
        hashed = hashlib.sha256(text.encode()).hexdigest()
        token = Token(hashed[:16], name, scope, hashed, self._clock.now(), expires_at, rate)

        def with_it(tokens: dict[str, Token]) -> dict[str, Token] | None:
            return None if len(tokens) >= TOKEN_LIMIT else {**tokens, hashed: token}

        return (token, text) if await self._change(with_it) else None

    async def revoke(self, id: str) -> bool:

        def without_it(tokens: dict[str, Token]) -> dict[str, Token] | None:
            kept = {hashed: token for hashed, token in tokens.items() if token.id != id}
            return None if len(kept) == len(tokens) else kept

        return await self._change(without_it)

    async def _load(self) -> bytes | None:
        data = await self._store.get_meta(_META)
        tokens = _decoder.decode(data) if data else []
        self._by_hash = {token.hash: token for token in tokens}
        self._loaded_at = self._clock.now()
        self._is_known = True
        return data

    async def _change(self, change: Callable[[dict[str, Token]], dict[str, Token] | None]) -> bool:
        """Write what ``change`` makes of the list, False when it makes nothing. Two that write at once, in this process
        or in two, lose neither's token: whoever was slower reads again."""
        for _ in range(_TRIES):
            data = await self._load()
            changed = change(self._by_hash)
            if changed is None:
                return False
            if await self._store.swap_meta(_META, data, msgspec.json.encode(list(changed.values()))):
                self._by_hash = changed
                return True
        raise StoreError("too many clients change the tokens at once; try again shortly")
