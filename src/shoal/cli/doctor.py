"""``shoal doctor``: why a pool is empty or does not run, in plain words."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, OK
from shoal.cli.flags import running

if TYPE_CHECKING:
    from shoal.cli.diagnosis import Facts, Judged
    from shoal.options import Options
    from shoal.ports import Vantage

_SIGNS: Final = {"good": "ok   ", "note": "note ", "bad": "WRONG"}
_NAMES_LIMIT: Final = 12
"""Host names looked up: enough to tell a dead resolver from a dead host."""
_PATIENCE: Final = 6.0
"""Seconds that judges, names and the clock of others may take."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@running
def doctor(options: Options, as_json: bool) -> int:
    """Say what is wrong with the pool, the machine or the network, and what to do. With or without a running pool.

    It looks at the data folder and its store, asks the running pool, looks up names, asks the judges directly and
    compares clocks. It reads no source and contacts no proxy. Exit code 0 when nothing is wrong, 1 otherwise.
    """
    import asyncio

    from shoal.cli.diagnosis import diagnose
    from shoal.telemetry.redact import printable, redacted

    findings = diagnose(asyncio.run(_facts(options)))
    wrong = any(finding.grade == "bad" for finding in findings)
    if as_json:
        rows = [{"grade": finding.grade, "text": redacted(finding.text)} for finding in findings]
        sys.stdout.write(json.dumps({"healthy": not wrong, "findings": rows}) + "\n")
    else:
        for finding in findings:
            click.echo(printable(f"{_SIGNS[finding.grade]}  {redacted(finding.text)}", 600))
    return NOTHING_FOUND if wrong else OK


async def _facts(options: Options) -> Facts:
    import asyncio
    import time

    from shoal.cli.diagnosis import Facts
    from shoal.cli.running_pool import base_url
    from shoal.config import data_folder
    from shoal.net.descriptors import fitting_concurrency, raise_limit

    folder = data_folder(options)
    limit = raise_limit()
    stats, stats_error = await asyncio.to_thread(_asked, options)
    judges = await _judged(options)
    hosts = _hosts(options)
    names = await asyncio.gather(*(_resolves(host) for host in hosts))
    return Facts(
        api=base_url(options),
        folder=str(folder),
        folder_error=_folder_error(folder),
        is_open=_is_open(folder),
        free_bytes=_free(folder),
        owner=_owner(folder),
        stats=stats,
        stats_error=stats_error,
        now=time.time(),
        skew=await asyncio.to_thread(_skew, options, [judge.url for judge in judges if judge.ok]),
        unresolved=tuple(host for host, known in zip(hosts, names, strict=True) if not known),
        resolved=sum(names),
        judges=judges,
        wanted_checks=options.check.concurrency,
        fitting_checks=fitting_concurrency(options.check.concurrency, limit),
        open_files=limit,
        **await _remembered(options, folder),
    )


def _asked(options: Options) -> tuple[dict[str, Any] | None, str | None]:
    from shoal.cli.running_pool import ask
    from shoal.errors import ShoalError

    try:
        answer = ask(options, "/v1/stats", (), credentials=False, is_list=False)
    except ShoalError as error:
        return None, str(error)
    return (answer, None) if isinstance(answer, dict) else (None, None)


async def _judged(options: Options) -> tuple[Judged, ...]:
    import asyncio

    from shoal.app import open_checker
    from shoal.cli.diagnosis import Judged

    async with open_checker(options) as checker:
        vantage = checker.vantage
        try:
            async with asyncio.timeout(_PATIENCE):
                await _until_asked(vantage)
        except TimeoutError:
            pass  # those that were not asked in time have no answer, and that is what is told
        return tuple(Judged(judge.url, judge.ok, judge.error) for judge in vantage.judges)


async def _until_asked(vantage: Vantage) -> None:
    import asyncio

    while not all(judge.checked_at for judge in vantage.judges):  # noqa: ASYNC110 - the port tells no moment
        await asyncio.sleep(0.05)


def _hosts(options: Options) -> list[str]:
    """Names that the pool needs, of judges and of sources that are read."""
    from urllib.parse import urlsplit

    from shoal.domain.address import is_ip
    from shoal.probe.judges import parse_judge, public_judges
    from shoal.sources.listing import list_sources

    hosts = [parse_judge(url).host for url in options.judge.urls] or [judge.host for judge in public_judges()]
    for row in list_sources(options.sources):
        if row.enabled and row.kind in ("catalog", "url", "api"):
            hosts.append(urlsplit(row.place).hostname or row.place)
    return [host for host in dict.fromkeys(hosts) if not is_ip(host)][:_NAMES_LIMIT]


async def _resolves(host: str) -> bool:
    import asyncio

    try:
        async with asyncio.timeout(_PATIENCE):
            await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, TimeoutError, UnicodeError):
        return False
    return True


def _skew(options: Options, urls: list[str]) -> float | None:
    """Seconds by which our clock is ahead of the first judge that tells the time."""
    import ssl
    import time
    import urllib.error
    import urllib.request
    from email.utils import parsedate_to_datetime

    context = ssl.create_default_context(cafile=options.judge.ca_file)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    for url in urls[:3]:
        try:
            with opener.open(url, timeout=_PATIENCE) as answer:
                return time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (OSError, ValueError, TypeError, urllib.error.HTTPError):
            continue
    return None


def _folder_error(folder: Path) -> str | None:
    import os

    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return f"{place} is no folder"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written by this user"
    return None


def _is_open(folder: Path) -> bool:
    try:
        return bool((folder / "shoal.db").exists() and folder.stat().st_mode & 0o055)
    except OSError:
        return False


def _free(folder: Path) -> int | None:
    import shutil

    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _owner(folder: Path) -> str | None:
    from shoal.errors import StoreError, StoreLockedError
    from shoal.stores.lock import DataLock

    if not (folder / "shoal.lock").exists():
        return None
    try:
        with DataLock(folder):
            return None
    except StoreLockedError as error:
        return str(error).partition(" already")[0]
    except StoreError:
        return None


async def _remembered(options: Options, folder: Path) -> dict[str, Any]:
    """What the store knows of sources and proxies, also while a pool works on it."""
    import time

    from shoal.errors import StoreError
    from shoal.sources.listing import list_sources
    from shoal.stores.open import open_store

    on = {row.name for row in list_sources(options.sources) if row.enabled}
    known: dict[str, Any] = {"sources_on": len(on)}
    if options.store.url == "memory:" or (not options.store.url and not (folder / "shoal.db").exists()):
        return known
    store = open_store(options.store, folder / "shoal.db")
    try:
        await store.open()
        try:
            counts = await store.counts(time.time())
            states = [state for name, state in (await store.source_states()).items() if name in on]
        finally:
            await store.close()
    except StoreError as error:
        return known | {"store_error": str(error)}
    refused: dict[str, int] = {}
    for state in states:
        for reason, count in state.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    return known | {
        "counts": (counts.known, counts.unchecked, counts.verified),
        "newest": max((state.last_run for state in states), default=None),
        "stale": tuple((state.name, state.error) for state in states if state.error),
        "read": sum(state.last_success > 0.0 for state in states),
        "found": sum(state.found for state in states),
        "refused": refused,
    }
