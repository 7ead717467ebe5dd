"""What the facts say about a pool, in plain words: a pure function, so that every sentence can be tested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct

Grade = Literal["good", "note", "bad"]

_SKEW = 120.0
"""Seconds: certificates and signed answers of judges begin to fail at some minutes."""
_STALE = 86_400.0
"""Seconds after which no source was read by accident: the slowest row of the catalogue is read once a day."""
_FULL_BYTES = 100 * 1024 * 1024
_FEW = 0.1
"""Share of the checks that are wanted at once below which a pool fills ten times more slowly than it should: many a
proxy is dead before its turn comes."""


class Finding(Struct, frozen=True):
    """One line of the diagnosis. ``bad`` ones keep the pool from being what it should be."""

    grade: Grade
    text: str


class Judged(Struct, frozen=True):
    url: str
    ok: bool
    error: str | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """What was found out; None where it could not be, or was not asked."""

    api: str
    folder: str
    folder_error: str | None = None
    is_open: bool = False
    """Whether other users of this machine may read the data folder."""
    free_bytes: int | None = None
    store_error: str | None = None
    owner: str | None = None
    """Who works on the data folder; None: nobody."""
    stats: Mapping[str, Any] | None = None
    """What the running pool answers to /v1/stats."""
    stats_error: str | None = None
    """Why it did not, though something answers there."""
    counts: tuple[int, int, int] | None = None
    """Records in the store: known, never checked, ever verified."""
    newest: float | None = None
    """When a source was last read (epoch seconds)."""
    now: float = 0.0
    skew: float | None = None
    """Seconds by which this machine's clock is ahead of others."""
    unresolved: tuple[str, ...] = ()
    resolved: int = 0
    judges: tuple[Judged, ...] = ()
    sources_on: int = 0
    stale: tuple[tuple[str, str], ...] = ()
    """Sources that brought nothing when they were last read, and why."""
    read: int = 0
    """Sources that were ever read with success."""
    found: int = 0
    refused: Mapping[str, int] = {}
    wanted_checks: int = 0
    fitting_checks: int = 0
    open_files: int = 0


def diagnose(facts: Facts) -> list[Finding]:
    """The most basic first."""
    return [*_machine(facts), *_running(facts), *_network(facts), *_sources(facts), *_pool(facts)]


def _machine(facts: Facts) -> Iterable[Finding]:
    if facts.folder_error:
        yield Finding(
            "bad", f"the data folder {facts.folder} cannot be used: {facts.folder_error}; choose another with --data"
        )
    elif facts.free_bytes is not None and facts.free_bytes < _FULL_BYTES:
        yield Finding(
            "bad", f"the disk of {facts.folder} is nearly full ({facts.free_bytes // 2**20} MB left); make room"
        )
    else:
        yield Finding("good", f"data folder {facts.folder}")
    if facts.is_open:
        yield Finding(
            "note", f"other users of this machine can read {facts.folder}, which holds passwords; `chmod 700` closes it"
        )
    if facts.store_error:
        yield Finding("bad", f"the store cannot be read: {facts.store_error}")
    if facts.fitting_checks < facts.wanted_checks:
        yield Finding(
            "bad" if facts.fitting_checks < _FEW * facts.wanted_checks else "note",
            f"{facts.open_files} open files are allowed, so at most {facts.fitting_checks} of the "
            f"{facts.wanted_checks} checks that the settings ask for run at once; raise it with `ulimit -n`",
        )
    if facts.skew is not None and abs(facts.skew) > _SKEW:
        side = "ahead of" if facts.skew > 0 else "behind"
        yield Finding(
            "bad",
            f"this machine's clock is {abs(facts.skew) / 60:.0f} min {side} others: TLS and judges fail; set it right",
        )
    if facts.newest is not None and facts.newest > facts.now + _SKEW:
        yield Finding("bad", "the store holds times of the future: this machine's clock went back; set it right")


def _running(facts: Facts) -> Iterable[Finding]:
    if facts.stats is not None:
        yield Finding("good", f"a pool answers at {facts.api}")
    elif facts.stats_error:
        yield Finding("bad", facts.stats_error)
    elif facts.owner:
        yield Finding(
            "note", f"{facts.owner} works on the data folder, but no API answers at {facts.api}; name it with --api"
        )
    else:
        yield Finding("bad", f"no pool runs: nothing answers at {facts.api}; start one with `shoal up`")
    for problem in (facts.stats or {}).get("problems", ()):
        yield Finding("bad", f"the pool says: {problem}")


def _network(facts: Facts) -> Iterable[Finding]:
    if facts.unresolved and not facts.resolved:
        # A judge that is named by its address tells the two apart.
        why = (
            "the network works, since a judge answers, so it is DNS; see which name servers this machine asks"
            if any(judge.ok for judge in facts.judges)
            else "there is no network, or no DNS; `shoal demo` needs neither"
        )
        yield Finding("bad", f"no name can be looked up ({', '.join(facts.unresolved[:3])}): {why}")
    elif facts.unresolved:
        yield Finding("note", f"these names cannot be looked up: {', '.join(facts.unresolved[:5])}")
    if not facts.judges:
        yield Finding("bad", "there is no judge, so nothing can be checked; name one with --judge URL")
    elif not any(judge.ok for judge in facts.judges):
        why = "; ".join(f"{judge.url}: {judge.error or 'no answer'}" for judge in facts.judges[:3])
        yield Finding(
            "bad", f"no judge answers, so nothing can be checked ({why}); name one within reach with --judge URL"
        )
    else:
        answering = sum(judge.ok for judge in facts.judges)
        yield Finding("good", f"{answering} of {len(facts.judges)} judges answer")


def _sources(facts: Facts) -> Iterable[Finding]:
    if not facts.sources_on:
        yield Finding("bad", "no source is read, so no proxy comes in; `shoal sources list` shows what there is")
        return
    if facts.stale and not facts.read:
        name, why = facts.stale[0]
        yield Finding("bad", f"no source could be read so far ({name}: {why}); try `shoal sources test {name}`")
        return
    if facts.newest is not None and facts.now - facts.newest > _STALE:
        days = (facts.now - facts.newest) / 86_400.0
        running = facts.stats is not None or facts.owner is not None
        yield Finding(
            "bad" if running else "note",
            f"no source was read for {days:.1f} days, so what is remembered is stale"
            + ("; look into the pool's log" if running else "; `shoal up` reads them"),
        )
    for name, why in facts.stale[:5]:
        yield Finding("note", f"source {name} brought nothing when it was last read: {why}")
    if facts.refused and not facts.found:
        worst = sorted(facts.refused.items(), key=lambda item: -item[1])[:3]
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count:,}" for reason, count in worst)
        yield Finding("bad", f"every entry of the sources was refused ({reasons}); --allow opens networks of your own")
    else:
        yield Finding("good", f"{facts.sources_on} sources are read")


def _pool(facts: Facts) -> Iterable[Finding]:
    stats = facts.stats
    if stats is not None:
        known, unchecked, working = (int(stats.get(name, 0)) for name in ("known", "unchecked", "working"))
    elif facts.counts is not None:
        known, unchecked, working = facts.counts
    else:
        return
    if working:
        word = "work" if stats is not None else "worked at some time"
        yield Finding("good", f"{known:,} proxies known, {working:,} {word}, {unchecked:,} never checked")
    elif not known:
        yield Finding("bad", "the pool is empty: no source has brought a proxy yet")
    elif unchecked > known // 2:
        yield Finding(
            "bad", f"of {known:,} proxies {unchecked:,} were never checked; checks need a running pool and a judge"
        )
    else:
        worst = sorted(((stats or {}).get("failures") or {}).items(), key=lambda item: -item[1])[:3]
        kinds = f" ({', '.join(f'{kind} {count:,}' for kind, count in worst)})" if worst else ""
        yield Finding("bad", f"{known:,} proxies were checked and none works{kinds}; try other sources")
