"""A function of the user's own that yields proxies."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

from shoal.domain import Candidate, Refused
from shoal.domain.address import canonical_host
from shoal.ports import Harvest, SourceError
from shoal.ports.store import SourceState
from shoal.sources.apart import apart
from shoal.sources.document import DocumentSource, SourceTerms

_ENTRIES_LIMIT = 1_000_000
"""Entries taken from one run: a generator may never end."""


class PythonSource(DocumentSource):
    """``module:function`` (or ``module:Class.method``): a function, generator, coroutine or asynchronous generator that
    takes no arguments and gives texts (in any form that is read, mostly ``host:port``) or ``Candidate`` values.

    Each run has a thread of its own and a time limit. A function that hangs keeps its thread, and the source rests
    until it returns; no second run begins beside it. What it raises becomes this source's error. The output is
    bounded: the run ends at ``size_limit_bytes`` of text or a million entries.
    """

    def __init__(
        self, name: str, function: str, terms: SourceTerms, *, folder: str = "", timeout: float = 60.0
    ) -> None:
        super().__init__(name, terms)
        self.function = function
        self._folder = folder
        self._timeout = timeout
        self._running = threading.Event()

    @property
    def contacts(self) -> str:
        return f"python:{self.function}"

    async def fetch(self, state: SourceState) -> Harvest:
        """Call it once. Raises ``SourceError``."""
        if self._running.is_set():
            raise SourceError(f"{self.contacts} has not returned from an earlier run.")
        output = _Output(self._terms.size_limit_bytes)
        stop = threading.Event()
        self._running.set()
        try:
            async with asyncio.timeout(self._timeout):
                await apart(lambda: self._run(output, stop), name=f"shoal-source-{self.name}")
        except TimeoutError:
            raise SourceError(f"{self.contacts} did not return within {self._timeout:g} s.") from None
        except _UserError as error:
            raise SourceError(f"{self.contacts} {error}.") from error.__cause__
        finally:
            stop.set()
        return await self._harvest(output)

    def _run(self, output: _Output, stop: threading.Event) -> None:
        try:
            _drain(_load(self.function, self._folder), output, stop, self._timeout)
        except _UserError:
            raise
        except BaseException as error:
            # The user's code may raise anything, SystemExit too: it ends this run and nothing else.
            raise _UserError(f"raised {type(error).__name__}{_shown(error)}") from error
        finally:
            self._running.clear()

    async def _harvest(self, output: _Output) -> Harvest:
        extraction = await self._extract("\n".join(output.texts).encode(errors="replace"))
        refused = Counter(extraction.refused)
        candidates = dict.fromkeys(extraction.candidates)
        for candidate in output.candidates:
            host = canonical_host(candidate.endpoint.host)
            if host != candidate.endpoint.host:
                refused[(host if isinstance(host, Refused) else Refused.BAD_ADDRESS).value] += 1
            elif not 0 < candidate.endpoint.port < 65_536:
                refused[Refused.BAD_PORT.value] += 1
            else:
                candidates[candidate] = None
        if output.strange:
            refused[Refused.MALFORMED.value] += output.strange
        if output.is_full:
            refused[Refused.TOO_LONG.value] += 1
        return Harvest(
            candidates=tuple(candidates),
            refused=dict(refused),
            bytes_read=output.size,
            form="candidates" if output.candidates and not output.texts else extraction.form,
        )


class _UserError(Exception):
    """The user's code is at fault; the text completes a sentence that begins with its name."""


class _Output:
    """What one run gave, bounded."""

    def __init__(self, size_limit: int) -> None:
        self.texts: list[str] = []
        self.candidates: list[Candidate] = []
        self.strange = 0
        self.size = 0
        self.is_full = False
        self._size_limit = size_limit
        self._room = _ENTRIES_LIMIT

    def take(self, item: object) -> bool:
        """Keep an item; False when no more is wanted."""
        if isinstance(item, bytes | bytearray):
            item = item.decode(errors="replace")
        if isinstance(item, str):
            if self.size + len(item) > self._size_limit:
                self.is_full = True
                return False
            self.size += len(item)
            self.texts.append(item)
        elif isinstance(item, Candidate):
            self.candidates.append(item)
        else:
            self.strange += 1
        self._room -= 1
        self.is_full = self._room <= 0
        return not self.is_full


def _load(function: str, folder: str) -> Any:
    """The function itself; of a method, the one of a new instance. The settings file's folder is searched last, so that
    no file in it hides somebody else's module."""
    module_name, _, path = function.partition(":")
    if folder and folder not in sys.path:
        sys.path.append(folder)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise _UserError(f"cannot be loaded: there is no module {error.name}") from error
    for name in path.split("."):
        try:
            if inspect.isclass(found) and inspect.isfunction(inspect.getattr_static(found, name)):
                found = found()
            found = getattr(found, name)
        except AttributeError as error:
            raise _UserError(f"cannot be loaded: {module_name} has no {path}") from error
    if not callable(found):
        raise _UserError("is no function")
    return found


def _drain(function: Any, output: _Output, stop: threading.Event, timeout: float) -> None:
    result = function()
    if isinstance(result, AsyncIterable) or inspect.isawaitable(result):
        # A loop of its own: what blocks in the user's coroutine blocks nothing of ours.
        asyncio.run(_drain_async(result, output, stop, timeout))
    else:
        _drain_sync(result, output, stop)


def _drain_sync(result: object, output: _Output, stop: threading.Event) -> None:
    if result is None:
        return
    if isinstance(result, str | bytes | bytearray | Candidate):
        output.take(result)
        return
    if not isinstance(result, Iterable):
        raise _UserError(f"gave a value of type {type(result).__name__}, but must yield texts or Candidates")
    for item in result:
        if stop.is_set() or not output.take(item):
            break


async def _drain_async(result: Any, output: _Output, stop: threading.Event, timeout: float) -> None:
    async with asyncio.timeout(timeout):
        if not isinstance(result, AsyncIterable):
            result = await result
        if not isinstance(result, AsyncIterable):
            _drain_sync(result, output, stop)
            return
        items: AsyncIterator[object] = aiter(result)
        async for item in items:
            if stop.is_set() or not output.take(item):
                break


def _shown(error: BaseException) -> str:
    """What the user's code says of itself, in one short printable line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - even its own text may raise
        return ""
    text = "".join(char for char in text if char.isprintable())[:200].rstrip(".")
    return f" ({text})" if text else ""
