"""``shoal check``: the lists a user has, checked once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, OK, say
from shoal.cli.flags import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from shoal.app import CheckedEntry
    from shoal.cli.entries import Lists
    from shoal.cli.meter import Meter
    from shoal.cli.results import ResultFile
    from shoal.cli.resume import Done
    from shoal.cli.tally import Tally
    from shoal.domain import Candidate, Refused
    from shoal.options import Options
    from shoal.ports import Harvest, SourceError

    Entry = Candidate | tuple[Refused, str]

_WORTH_A_PROCESS: Final = 250
"""Entries."""


@click.command()
@click.argument("files", metavar="FILE|URL...", nargs=-1)
@click.option(
    "--output",
    metavar="F",
    help="Write a result for every proxy checked; the suffix says how: .jsonl, .csv, or .txt (working ones only).",
)
@click.option(
    "--resume", is_flag=True, help="Go on with --output: what it holds is not checked again, the rest is added."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON objects instead of URLs.")
@click.option("-v", "--verbose", is_flag=True, help="Say of every proxy that fails, or is not checked, why.")
@running
def check(
    options: Options, files: tuple[str, ...], output: str | None, resume: bool, as_json: bool, verbose: bool
) -> int:
    """Check the proxies in one or more lists and print those that work, as they are found.

    A list may be text, JSON, JSON lines, CSV or HTML, in a file or behind a URL; `-` is standard input. Your own judges
    come first (`--judge`); without one the public ones are used. Lists named by `--source` are read and checked too.
    Interrupted by Ctrl-C, it leaves a whole --output file behind, with which --resume goes on. Exit code 0 when at
    least one works, 1 when none does.
    """
    from shoal.cli.entries import Lists
    from shoal.cli.resume import Done
    from shoal.cli.running import run_until_interrupted
    from shoal.errors import ConfigError

    # Sources of a settings file are for the pool; here only those count that stand on this command line.
    context = click.get_current_context()
    assert context is not None
    given = context.params["source"]
    if not files and not given:
        raise click.UsageError("name a FILE to check, '-' for standard input, or a list by --source", context)
    if resume and not output:
        raise click.UsageError("--resume goes on with a file of results; name it with --output", context)
    urls = tuple(name for name in files if "://" in name)
    places = tuple(name for name in files if "://" not in name)
    if output and any(name != "-" and Path(name).resolve() == Path(output).resolve() for name in (*places, *given)):
        raise ConfigError(f"--output {output} is one of the lists to check; name another file")
    lists = Lists(places, line_limit_bytes=options.admission.line_limit_bytes)
    try:
        done = Done(Path(output)) if resume and output else None
        plan = Plan(lists, (*urls, *given), Path(output) if output else None, done, as_json, verbose)
        return run_until_interrupted(lambda _: _checked(options, plan))
    finally:
        lists.close()


class Plan(NamedTuple):
    """One run, as asked for."""

    lists: Lists
    sources: tuple[str, ...]
    output: Path | None
    done: Done | None
    as_json: bool
    verbose: bool


async def _checked(options: Options, plan: Plan) -> int:
    import asyncio
    from contextlib import ExitStack
    from itertools import chain

    from shoal.cli.meter import Meter
    from shoal.cli.results import ResultFile
    from shoal.cli.resume import unchecked
    from shoal.cli.tally import Tally
    from shoal.cli.words import plural

    loop = asyncio.get_running_loop()
    tally, started = Tally(), loop.time()
    more = await _from_sources(options, plan.sources) if plan.sources else []
    total, entries = plan.lists.total + len(more), chain(plan.lists, more)
    earlier = 0
    if plan.done is not None:
        earlier = plan.done.worked
        say(f"{plural(len(plan.done), 'proxy', 'proxies')} checked before, of which {earlier:,} worked")
        total, entries = max(0, total - len(plan.done)), chain(unchecked(entries, plan.done))
    with ExitStack() as stack:
        append = plan.done is not None
        results = stack.enter_context(ResultFile(plan.output, append=append)) if plan.output else None
        meter = stack.enter_context(Meter(total, tally))
        try:
            await _consume(options, entries, plan, tally, results, meter, _processes(options, total))
        finally:
            # Also after an interruption: what was found so far is written and told.
            meter.close()
            for line in tally.lines(loop.time() - started) if tally.read else ():
                say(line)
            if plan.output and asyncio.current_task().cancelling():  # type: ignore[union-attr]
                say(_go_on(plan.output))
    return OK if tally.working or earlier else NOTHING_FOUND


def _go_on(output: Path) -> str:
    if output.suffix.lower() == ".txt":
        return f"{output} holds what worked so far"
    return f"{output} holds what was checked so far; the same command with --resume goes on"


async def _from_sources(options: Options, urls: tuple[str, ...]) -> list[Candidate]:
    from msgspec.structs import replace

    from shoal.app import fetch_all
    from shoal.cli.words import plural
    from shoal.ports import SourceError

    def tell(name: str, outcome: Harvest | SourceError) -> None:
        if isinstance(outcome, SourceError):
            say(f"{name}: {outcome}")

    asked = replace(options.sources, urls=urls, own=(), catalog=False, enable=(), disable=())
    found = await fetch_all(replace(options, sources=asked), tell)
    say(f"{plural(len(found), 'entry', 'entries')} from {plural(len(urls), 'source')}")
    return found


async def _consume(
    options: Options,
    given: Iterable[Entry],
    plan: Plan,
    tally: Tally,
    results: ResultFile | None,
    meter: Meter,
    processes: int,
) -> None:
    from contextlib import aclosing

    from shoal.app import open_checker
    from shoal.cli.results import json_line, row_of
    from shoal.cli.vantage import wait_for_judge, watched
    from shoal.telemetry.redact import printable

    async with open_checker(options, processes) if processes > 1 else open_checker(options) as checker:
        await wait_for_judge(checker.vantage, options.check.timeout)
        async with watched(checker.vantage), aclosing(_generator(checker.run(given))) as entries:
            async for entry in entries:
                if plan.verbose:
                    _explain(entry)
                if entry.refused is not None:
                    tally.refuse(entry.refused)
                    meter.update()
                    continue
                tally.count(entry)
                row = row_of(entry)
                if results is not None:
                    results.write(row)
                if row["works"]:
                    sys.stdout.write((json_line(row) if plan.as_json else printable(row["proxy"])) + "\n")
                    sys.stdout.flush()
                if meter.update() and results is not None:
                    results.flush()


def _processes(options: Options, total: int) -> int:
    """As the user says; else one for every core, but none for less than a few hundred entries: each takes half a second
    to start."""
    import os

    if options.check.processes:
        return options.check.processes
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, total // _WORTH_A_PROCESS))


def _explain(entry: CheckedEntry) -> None:
    """Why it is not among the working ones; nothing for one that is."""
    from shoal.cli.words import refusal_words, why
    from shoal.domain import proxy_url

    if entry.refused is not None:
        say(f"{entry.input[:200]}: not checked: {refusal_words(entry.refused.value)}")
    elif entry.result is not None and not entry.result.works and entry.proxy is not None:
        proxy = entry.proxy
        name = proxy_url(proxy.scheme, proxy.endpoint, proxy.credentials).partition("://")[2]
        say(f"{name}: {why(entry.result.failure, entry.result.blame)}")


def _generator(entries: AsyncIterator[CheckedEntry]) -> AsyncGenerator[CheckedEntry, None]:
    """Running checks end with the generator, so it must be closed when we leave early."""
    from collections.abc import AsyncGenerator

    assert isinstance(entries, AsyncGenerator)
    return entries
