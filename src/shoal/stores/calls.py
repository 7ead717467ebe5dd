"""The store port as messages: read off its own signatures, so that a change of the port changes both ends."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import typing
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from shoal import __version__
from shoal.errors import StoreError
from shoal.ports.store import Store

SOCKET_NAME: Final = "shoal.sock"
FRAME_LIMIT_BYTES: Final = 1 << 28
"""Longest message: a batch of some 100,000 records. Both ends are ours; this stops a torn length."""
HELLO: Final = f"shoal {__version__}"
"""What the serving end says first: both ends must know the same values."""
MORE: Final = "more"
"""Asks for the next item of an iterator. Batches of records are read when they are wanted, not ahead: what was deleted
meanwhile must not come. The change feed needs no asking."""
_PATH_LIMIT: Final = 100
"""sun_path holds 104 bytes on macOS and 108 on Linux."""

_OURS: Final = frozenset({"open", "close"})


class Call(Struct, frozen=True):
    """One method: its arguments as a Struct, and its result.

    ``is_stream``: an iterator, one item a frame; ``is_pulled``: each further one is asked for.
    """

    arguments: type[Struct]
    result: Any
    is_stream: bool
    is_pulled: bool


class Answer(Struct, frozen=True, array_like=True):
    """``body`` is the encoded result, or the sentence of a ``StoreError``; ``ends`` closes a stream."""

    number: int
    ok: bool = True
    ends: bool = False
    body: msgspec.Raw = msgspec.Raw(b"\xc0")


class Request(Struct, frozen=True, array_like=True):
    number: int
    method: str
    body: msgspec.Raw


def _field(kind: Any, parameter: inspect.Parameter) -> tuple[str, Any] | tuple[str, Any, Any]:
    if parameter.default is inspect.Parameter.empty:
        return parameter.name, kind
    return parameter.name, kind, parameter.default


def _calls() -> dict[str, Call]:
    calls = {}
    for name, method in inspect.getmembers(Store, inspect.isfunction):
        if name.startswith("_") or name in _OURS:
            continue
        hints = typing.get_type_hints(method)
        result = hints.pop("return")
        is_stream = typing.get_origin(result) is not None and typing.get_origin(result).__name__ == "AsyncIterator"
        fields = [
            _field(hints[one.name], one) for one in inspect.signature(method).parameters.values() if one.name in hints
        ]
        arguments = msgspec.defstruct(name, fields, array_like=True, frozen=True, kw_only=True)
        calls[name] = Call(
            arguments, typing.get_args(result)[0] if is_stream else result, is_stream, is_stream and name != "changes"
        )
    return calls


CALLS: Final = _calls()
ARGUMENTS: Final = {name: msgspec.msgpack.Decoder(call.arguments) for name, call in CALLS.items()}
RESULTS: Final = {name: msgspec.msgpack.Decoder(call.result) for name, call in CALLS.items()}
ANSWERS: Final = msgspec.msgpack.Decoder(Answer)
REQUESTS: Final = msgspec.msgpack.Decoder(Request)

encode = msgspec.msgpack.Encoder().encode


def framed(value: object) -> bytes:
    body = encode(value)
    return len(body).to_bytes(4, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next message; None when the other end is gone."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        return await reader.readexactly(length) if length <= FRAME_LIMIT_BYTES else None
    except (asyncio.IncompleteReadError, OSError):
        return None


class SocketPath:
    """``shoal.sock`` in a folder, under a name short enough for the kernel however long the folder's is."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SOCKET_NAME
        self._descriptor: int | None = None

    def __enter__(self) -> str:
        """Raises ``StoreError`` when the folder is missing or its name is too long for this system."""
        if sys.platform == "win32":
            raise StoreError("processes share a store over Unix sockets, which this system lacks; run `shoal up`")
        name = str(self.path)
        if len(os.fsencode(name)) <= _PATH_LIMIT:
            return name
        if sys.platform != "linux":
            raise StoreError(f"{name} is too long a name for a socket; choose a shorter data folder with --data")
        try:
            self._descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise StoreError(f"{self.path.parent}: {error.strerror or error}") from error
        return f"/proc/self/fd/{self._descriptor}/{SOCKET_NAME}"

    def __exit__(self, *_: object) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
