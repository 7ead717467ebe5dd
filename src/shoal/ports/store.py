"""Store: what is remembered. Memory, SQLite and Redis adapters run one conformance suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from shoal.domain import Admitted as Admitted  # policy makes these, and may not import ports
from shoal.domain import Record
from shoal.domain.link import Link


class Added(Struct, frozen=True):
    """What ``add`` did: ``new`` records, ``known`` ones refreshed, ``tombstoned`` kept out, ``full``: no room.
    ``keys``: those of the new ones."""

    new: int = 0
    known: int = 0
    tombstoned: int = 0
    full: int = 0
    keys: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many were new, known, tombstoned, and without room."""
        return self.new, self.known, self.tombstoned, self.full


class Swapped(Struct, frozen=True):
    """What ``swap`` could not write: keys that are ``gone``, and the state that is ``standing`` where another wrote."""

    gone: frozenset[str] = frozenset()
    standing: Mapping[str, Record] = {}


class ChangeKind(StrEnum):
    SAVED = "saved"
    """``record`` is its new state."""
    GONE = "gone"
    """Deleted, popped or expired; ``record`` is None."""
    RESET = "reset"
    """The feed cannot tell what was missed: read everything again with ``verified()``."""


class Change(Struct, frozen=True, gc=False):
    """One step of the change feed. ``seq`` rises by one or more; ``key`` is empty for RESET."""

    seq: int
    kind: ChangeKind
    key: str = ""
    record: Record | None = None


class Counts(Struct, frozen=True):
    """Sizes as the store sees them."""

    known: int = 0
    """All records, dead ones included."""
    verified: int = 0
    """Records of which a path ever worked."""
    due: int = 0
    """Records whose next check lies in the past and which nobody has claimed."""
    unchecked: int = 0
    """Records that were never checked."""
    by_source: Mapping[str, int] = {}


class SourceState(Struct, frozen=True):
    """What is kept about a source between runs."""

    name: str
    etag: str | None = None
    last_modified: str | None = None
    last_body: float = 0.0
    """When its content was last sent whole, 0 for never."""
    last_run: float = 0.0
    """Epoch seconds of the last attempt, 0 for never."""
    last_success: float = 0.0
    next_run: float = 0.0
    failures: int = 0
    """Attempts in a row that brought nothing."""
    idle: int = 0
    """Good runs in a row that brought nothing new."""
    error: str | None = None
    found: int = 0
    """Distinct proxies in the last good run."""
    new: int = 0
    """Of these, how many were not known before."""
    refused: Mapping[str, int] = {}
    """Entries of the last good run that were not let in, by ``Refused`` reason."""
    day: int = 0
    """Number of the UTC day on which ``day_bytes`` were read over the network."""
    day_bytes: int = 0


class Store(Protocol):
    """Everything that outlives a process. All times are epoch seconds handed in by the caller.

    Durability: ``add(imported=True)``, ``delete``, ``pop``, ``retag``, ``set_meta``, ``swap_meta``, leases, links and
    tombstones are on disk when the call returns. ``save``, ``visit_link`` and ``add`` of sources may lose their last
    batch in a crash. Raises ``StoreError`` when the medium fails; nothing else.
    """

    async def open(self) -> None: ...

    async def close(self) -> None:
        """Flush and release. Calling it twice does nothing."""
        ...

    # -- records ------------------------------------------------------------------------------------------------

    async def add(
        self, batch: Sequence[Admitted], now: float, *, imported: bool = False, capacity: int | None = None
    ) -> Added:
        """Insert what is new (due at once, own before public); refresh ``last_seen``, claims, sources, tags and trust
        of what is known (trust only rises). ``imported`` lifts tombstones; otherwise tombstoned keys stay out. With
        ``capacity`` no public record beyond that many is inserted."""
        ...

    async def claim_due(self, now: float, limit: int, lease: float, *, ahead: int | None = None) -> list[Record]:
        """Up to ``limit`` records with ``next_check <= now`` which nobody else gets for ``lease`` seconds or until they
        are saved. Two claims never return the same record within its lease.

        Records that ever worked come first, up to ``ahead`` of them (default: seven tenths of ``limit``), then all
        others; each part earliest first. So neither a flood of new candidates nor a large pool starves the other."""
        ...

    async def claim(self, keys: Sequence[str], now: float, lease: float) -> list[Record]:
        """As ``claim_due``, but these and whenever they are due: those that exist and that nobody has claimed, in the
        order of ``keys``. What falls due is told by the store, what is worth a check by whoever knows the forecasts."""
        ...

    async def unclaim(self, keys: Sequence[str]) -> None:
        """Give claims back unchecked; the records are due again at once."""
        ...

    async def next_due(self) -> float | None:
        """When the earliest unclaimed record falls due, None when there is none."""
        ...

    async def save(self, records: Sequence[Record]) -> frozenset[str]:
        """Write new states and end their claims. Only records that still exist are written: a proxy deleted while it
        was being checked stays deleted. Returns the keys that are gone. What sources own (``last_seen``, ``claims``,
        ``sources``, ``tags``, ``trust``) is kept as the store has it, not as the record says. Everything else of the
        record is written, what its paths showed at targets (``Path.reaches``) included: a store that keeps records with
        ``stores.codec`` need not know what stands in them."""
        ...

    async def swap(self, states: Sequence[tuple[int, Record]]) -> Swapped:
        """As ``save``, where the stored record still has the ``version`` that stands beside its new state: what it was
        made from. Where another process wrote meanwhile nothing is written, no claim ends, and its state is told."""
        ...

    async def get(self, id: str) -> Record | None: ...

    async def get_by_key(self, key: str) -> Record | None: ...

    def verified(self) -> AsyncIterator[Sequence[Record]]:
        """All records of which a path ever worked, in batches: what an index starts from."""
        ...

    def scan(self, after: str = "", limit: int = 500) -> AsyncIterator[Sequence[Record]]:
        """All records ordered by ``id``, in batches of ``limit``, from the first id greater than ``after``."""
        ...

    async def delete(self, keys: Sequence[str], now: float, tombstone: float) -> int:
        """Remove; each removed key leaves a tombstone for ``tombstone`` seconds (0: none). Returns how many."""
        ...

    async def pop(self, key: str, now: float, tombstone: float) -> bool:
        """Remove and tombstone in one atomic step; True for exactly one of several callers. False while somebody
        holds an exclusive lease on it."""
        ...

    async def retag(self, keys: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[Record]:
        """Give tags to records and take others away; the new states of those that exist."""
        ...

    async def expire(self, now: float, *, unseen: float, not_worked: float) -> int:
        """Forget public records which no source listed for ``unseen`` seconds and which have not worked for
        ``not_worked`` seconds (or never); drop outdated tombstones, leases and links. Own records never expire.
        Returns how many records went."""
        ...

    async def counts(self, now: float) -> Counts: ...

    # -- leases -------------------------------------------------------------------------------------------------

    async def take_lease(
        self, lease_id: str, key: str, now: float, expires_at: float, *, capacity: int, exclusive: bool
    ) -> bool:
        """Grant if the record exists, fewer than ``capacity`` unexpired leases stand on it and none is exclusive (an
        exclusive one needs that there is none at all). One atomic step."""
        ...

    async def release_lease(self, lease_id: str, now: float) -> str | None:
        """End a lease; the key it stood on, or None when it had run out or never was."""
        ...

    async def renew_lease(self, lease_id: str, now: float, expires_at: float) -> bool:
        """Let a standing lease end at ``expires_at``; False when it had run out or never was."""
        ...

    # -- short links --------------------------------------------------------------------------------------------

    async def put_link(self, link: Link) -> Link | None:
        """Keep a new link, with no visits. If it is ``shared`` and one to the same target with the same redirect
        stands, that one is returned instead. None when the code is taken. One atomic step."""
        ...

    async def get_link(self, code: str) -> Link | None: ...

    async def visit_link(self, code: str, now: float) -> Link | None:
        """Count a visit and return the link with it; None when there is none or it is over. One atomic step."""
        ...

    async def links(self, after: str, limit: int) -> list[Link]:
        """Up to ``limit`` links ordered by code, from the first code greater than ``after``."""
        ...

    async def change_link(self, link: Link) -> Link | None:
        """Write a link again; ``created_at`` and visits stay, and it is ``shared`` no longer. None when it is gone."""
        ...

    async def delete_link(self, code: str) -> bool: ...

    # -- small things -------------------------------------------------------------------------------------------

    async def source_states(self) -> dict[str, SourceState]: ...

    async def save_source_state(self, state: SourceState) -> None: ...

    async def get_meta(self, name: str) -> bytes | None: ...

    async def set_meta(self, name: str, value: bytes) -> None: ...

    async def swap_meta(self, name: str, expected: bytes | None, value: bytes) -> bool:
        """Write ``value`` if ``expected`` (None: nothing) is what stands there now, in one atomic step; False when
        somebody else was faster. For what several callers change: read, change, swap, and again when it failed."""
        ...

    # -- change feed --------------------------------------------------------------------------------------------

    async def seq(self) -> int:
        """The newest change's number; pass it to ``changes`` to follow from now on."""
        ...

    def changes(self, since: int) -> AsyncIterator[Change]:
        """Every change to verified records after ``since``, for ever, in order; where a record changed again before the
        follower came, its earlier changes may be missing. Starts with RESET when ``since`` lies further back than is
        kept. Ends when the store is closed."""
        ...
