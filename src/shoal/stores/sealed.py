"""A store whose passwords are sealed on the way in and opened on the way out, whatever adapter is below."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

from msgspec.structs import replace

from shoal.domain import Admitted, Credentials, Record
from shoal.ports.store import Change, Store, Swapped
from shoal.stores.seal import Sealer

_Turn = Callable[[str], str]


class SealedStore:
    """Every method of the store below; records and admitted candidates in arguments and results are turned.

    Adapters need not know of it, and what a port learns later this forwards, too. ``sealed_store`` gives one.
    """

    def __init__(self, below: Store, sealer: Callable[[], Sealer]) -> None:
        self.below = below
        self._make = sealer
        self._sealer: Sealer | None = None

    async def open(self) -> None:
        """Raises ``StoreError`` when the store or its key cannot be used."""
        self._sealer = self._make()
        await self.below.open()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.below, name)
        if not callable(found):
            return found

        def call(*given: Any, **more: Any) -> Any:
            sealer = self._sealer
            if sealer is None:
                return found(*given, **more)
            result = found(
                *[_turned(value, sealer.seal) for value in given],
                **{key: _turned(value, sealer.seal) for key, value in more.items()},
            )
            if hasattr(result, "__aiter__"):
                return _stream(result, sealer.open)
            return _answer(result, sealer.open) if hasattr(result, "__await__") else result

        # Found without __getattr__ from now on.
        setattr(self, name, call)
        return call


def sealed_store(below: Store, sealer: Callable[[], Sealer]) -> Store:
    """``sealer`` is asked once the store is opened: its key may have to be made then."""
    return cast(Store, SealedStore(below, sealer))


async def _answer(result: Awaitable[Any], turn: _Turn) -> Any:
    return _turned(await result, turn)


async def _stream(items: AsyncIterator[Any], turn: _Turn) -> AsyncIterator[Any]:
    async for item in items:
        yield _turned(item, turn)


def _turned(value: Any, turn: _Turn) -> Any:
    """The value with every password in it turned; itself where there is none."""
    if isinstance(value, Record):
        return value if value.credentials is None else replace(value, credentials=_login(value.credentials, turn))
    if isinstance(value, Admitted):
        login = value.candidate.credentials
        if login is None:
            return value
        return replace(value, candidate=replace(value.candidate, credentials=_login(login, turn)))
    if isinstance(value, list | tuple) and value and isinstance(value[0], Record | Admitted):
        return [_turned(one, turn) for one in value]
    if isinstance(value, Change):
        return value if value.record is None else replace(value, record=_turned(value.record, turn))
    if isinstance(value, Swapped) and value.standing:
        return replace(value, standing=_all_turned(value.standing, turn))
    return value


def _all_turned(records: Mapping[str, Record], turn: _Turn) -> dict[str, Record]:
    return {key: _turned(record, turn) for key, record in records.items()}


def _login(credentials: Credentials, turn: _Turn) -> Credentials:
    return Credentials(credentials.username, turn(credentials.password))
