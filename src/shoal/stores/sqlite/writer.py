"""The one thread that writes: takes jobs from a bounded queue and commits them in groups.

A job is *batched* (answered at once, committed with up to ``batch`` rows or after ``interval`` seconds), *durable*
(answered when it is on disk, together with all that waited beside it) or a *read* of what is not yet committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from shoal.domain import Record
from shoal.errors import StoreError
from shoal.stores.sqlite.database import explain
from shoal.stores.sqlite.transaction import Work

QUEUE_LIMIT = 256
"""Jobs accepted and not answered; further callers wait their turn. Also the largest group behind one fsync."""

# A thread has no loop to ask for the time; this only bounds a wait and never reaches a record.
_monotonic = time.monotonic  # noqa: TID251

T = TypeVar("T")
Changes = list[tuple[str, Record | None]]


class Kind(Enum):
    READ = auto()
    BATCHED = auto()
    DURABLE = auto()
    FLUSH = auto()


class _Job:
    __slots__ = ("future", "kind", "rows", "work")

    def __init__(self, kind: Kind, work: Callable[[Work], Any], rows: int, future: asyncio.Future[Any]) -> None:
        self.kind = kind
        self.work = work
        self.rows = rows
        self.future = future


_Answer = tuple[_Job, Exception | None, object]


class Writer:
    """Owns the writing connection. ``publish`` is called on the loop with the changes of each commit."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        *,
        batch: int,
        interval: float,
        publish: Callable[[Changes], None],
    ) -> None:
        self._path = path
        self._connection = connection
        self._batch = batch
        self._interval = interval
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(QUEUE_LIMIT)
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._stopped: asyncio.Future[StoreError | None] = self._loop.create_future()
        self._stopping = False
        self._changes: Changes = []
        self._rows = 0
        self._deadline = 0.0
        self._lost: StoreError | None = None
        """Why work that was answered could not be committed; told to the next caller."""
        self.is_dirty = False
        """True while answered work is not committed, and so not seen by other connections."""
        # A daemon, so that a store which somebody forgot to close cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="shoal-store-writer", daemon=True)
        self._thread.start()

    async def do(self, kind: Kind, work: Callable[[Work], T], rows: int = 1) -> T:
        """Run ``work`` in the thread. Once accepted it is done, even when the caller is cancelled meanwhile."""
        await self._slots.acquire()
        if self._stopping:
            self._slots.release()
            raise StoreError("the store is closed; open it before use")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Job(kind, work, rows, future))
        return await future

    async def flush(self) -> None:
        await self.do(Kind.FLUSH, _nothing)

    async def close(self) -> None:
        """Commit what is queued, close the connection and end the thread."""
        if not self._stopping:
            self._stopping = True
            self._queue.put(None)
        # Shielded: the thread answers this future even if the first caller lost patience.
        lost = await asyncio.shield(self._stopped)
        if lost is not None:
            raise lost

    # -- in the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                job = self._queue.get(timeout=self._patience())
            except Empty:
                self._commit()
                continue
            if job is None:
                break
            self._serve(job)
        self._commit()
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._tell(self._stop)

    def _patience(self) -> float | None:
        return max(0.0, self._deadline - _monotonic()) if self.is_dirty else None

    def _serve(self, job: _Job) -> None:
        if job.kind is Kind.DURABLE:
            self._serve_durable(job)
            return
        if job.kind is not Kind.READ and self._lost is not None:
            self._answer(job, self._take_lost())
            return
        if job.kind is Kind.FLUSH:
            self._commit()
            self._answer(job, self._take_lost())
            return
        self._answer(job, *self._attempt(job))
        if self.is_dirty and (self._rows >= self._batch or self._deadline <= _monotonic()):
            self._commit()

    def _serve_durable(self, first: _Job) -> None:
        """All jobs that wait share one fsync: its length, not their number, is what they cost.

        In WAL mode synchronous=NORMAL never syncs a commit, so that a power cut may take back acknowledged work;
        FULL syncs the log at each commit, and with it every earlier commit. The level cannot change inside a
        transaction, hence what was batched is committed first.
        """
        self._commit()
        earlier = self._take_lost()
        answers: list[_Answer] = []
        failure: StoreError | None = None
        try:
            self._connection.execute("PRAGMA synchronous = FULL")
            for job in self._waiting(first):
                error, result = self._attempt(job) if job.kind is not Kind.FLUSH else (None, None)
                answers.append((job, error, result))
                if (lost := self._take_lost()) is not None:
                    # This job took the whole transaction with it, so those before it have nothing to show either.
                    answers = [(job, error or lost, None) for job, error, _ in answers]
            failure = self._finish()
            self._connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as trouble:
            failure = explain(self._path, trouble)
            answers = answers or [(first, failure, None)]
        self._lost = earlier
        for job, error, result in answers:
            self._answer(job, error or failure, result)

    def _waiting(self, first: _Job) -> Iterator[_Job]:
        """The first job and all that are queued behind it by now."""
        yield first
        for _ in range(QUEUE_LIMIT):
            try:
                job = self._queue.get_nowait()
            except Empty:
                return
            if job is None:
                self._queue.put(None)
                return
            yield job

    def _attempt(self, job: _Job) -> tuple[Exception | None, object]:
        """Run one job inside the open transaction; what it did vanishes if it fails, and nothing else does."""
        connection = self._connection
        if job.kind is Kind.READ:
            try:
                return None, job.work(Work(connection))
            except Exception as error:  # noqa: BLE001  as below
                return self._explain(error), None
        try:
            if not self.is_dirty:
                connection.execute("BEGIN IMMEDIATE")
                self._deadline = _monotonic() + self._interval
                self.is_dirty = True
            connection.execute("SAVEPOINT job")
            work = Work(connection)
            result = job.work(work)
            work.finish()
            connection.execute("RELEASE job")
        except Exception as error:  # noqa: BLE001  a fault of one job is its caller's to see; the thread must go on
            self._undo()
            return self._explain(error), None
        self._changes += work.changes
        self._rows += job.rows
        return None, result

    def _undo(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK TO job")
                self._connection.execute("RELEASE job")
                return
        # A full or failing disk makes SQLite roll the whole transaction back, earlier jobs included.
        if self.is_dirty:
            self._abandon()
            self._lost = StoreError(f"{self._path}: the last results could not be written; look at the disk")

    def _take_lost(self) -> StoreError | None:
        lost, self._lost = self._lost, None
        return lost

    def _explain(self, error: Exception) -> Exception:
        return explain(self._path, error) if isinstance(error, sqlite3.Error) else error

    def _abandon(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        self._changes, self._rows, self.is_dirty = [], 0, False

    def _commit(self) -> None:
        """Commit work that was answered already: if that fails, only a later caller can be told."""
        self._lost = self._finish() or self._lost

    def _finish(self) -> StoreError | None:
        """Commit what is open and publish its changes; the error if that failed."""
        if not self.is_dirty:
            return None
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon()
            return explain(self._path, error)
        changes = self._changes
        self._changes, self._rows, self.is_dirty = [], 0, False
        if changes:
            self._tell(self._publish, changes)
        return None

    def _answer(self, job: _Job, error: Exception | None, result: object = None) -> None:
        self._tell(self._resolve, job.future, error, result)

    def _tell(self, call: Callable[..., None], *arguments: object) -> None:
        # A loop that was closed before the store has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)

    # -- on the loop --------------------------------------------------------------------------------------------

    def _resolve(self, future: asyncio.Future[Any], error: Exception | None, result: object) -> None:
        self._slots.release()
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def _stop(self) -> None:
        if not self._stopped.done():
            self._stopped.set_result(self._lost)


def _nothing(work: Work) -> None:
    return None
