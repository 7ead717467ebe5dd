"""``shoal check``: the lists a user has, checked once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import NOTHING_FOUND, OK, say
from shoal.cli.flags import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from shoal.app import CheckedEntry
    from shoal.cli.entries import Lists
    from shoal.cli.meter import Meter
    from shoal.cli.results import ResultFile
    from shoal.cli.tally import Tally
    from shoal.domain import Candidate, Refused
    from shoal.options import Options
    from shoal.ports import Harvest, SourceError

    Entry = Candidate | tuple[Refused, str]


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1)
@click.option(
    "--output",
    metavar="F",
    help="Write a result for every proxy checked; the suffix says how: .jsonl, .csv, or .txt (working ones only).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON objects instead of URLs.")
@running
def check(options: Options, files: tuple[str, ...], output: str | None, as_json: bool) -> int:
    """Check the proxies in one or more lists and print those that work, as they are found.

    A list may be text, JSON, JSON lines, CSV or HTML; `-` is standard input. Your own judges come first (`--judge`);
    without one the public ones are used. Lists named by `--source` are read and checked too. Exit code 0 when at least
    one works, 1 when none does.
    """
    from shoal.cli.entries import Lists
    from shoal.cli.running import run_until_interrupted
    from shoal.errors import ConfigError

    # Sources of a settings file are for the pool; here only those count that stand on this command line.
    context = click.get_current_context()
    assert context is not None
    with_sources = bool(context.params["source"])
    if not files and not with_sources:
        raise click.UsageError("name a FILE to check, '-' for standard input, or a list by --source", context)
    if output and any(name != "-" and Path(name).resolve() == Path(output).resolve() for name in files):
        raise ConfigError(f"--output {output} is one of the lists to check; name another file")
    lists = Lists(files, line_limit_bytes=options.admission.line_limit_bytes)
    try:
        return run_until_interrupted(lambda _: _checked(options, lists, output, as_json, with_sources))
    finally:
        lists.close()


async def _checked(options: Options, lists: Lists, output: str | None, as_json: bool, with_sources: bool) -> int:
    import asyncio
    from contextlib import ExitStack
    from itertools import chain

    from shoal.cli.meter import Meter
    from shoal.cli.results import ResultFile
    from shoal.cli.tally import Tally

    loop = asyncio.get_running_loop()
    tally, started = Tally(), loop.time()
    more = await _from_sources(options) if with_sources else []
    with ExitStack() as stack:
        results = stack.enter_context(ResultFile(Path(output))) if output else None
        meter = stack.enter_context(Meter(lists.total + len(more), tally))
        try:
            await _consume(options, chain(lists, more), as_json, tally, results, meter)
        finally:
            # Also after an interruption: what was found so far is written and told.
            meter.close()
            for line in tally.lines(loop.time() - started) if tally.read else ():
                say(line)
    return OK if tally.working else NOTHING_FOUND


async def _from_sources(options: Options) -> list[Candidate]:
    from shoal.app import fetch_all
    from shoal.cli.words import plural
    from shoal.ports import SourceError

    def tell(name: str, outcome: Harvest | SourceError) -> None:
        if isinstance(outcome, SourceError):
            say(f"{name}: {outcome}")

    found = await fetch_all(options, tell)
    say(f"{plural(len(found), 'entry', 'entries')} from {plural(len(options.sources.urls), 'source')}")
    return found


async def _consume(
    options: Options, given: Iterable[Entry], as_json: bool, tally: Tally, results: ResultFile | None, meter: Meter
) -> None:
    from contextlib import aclosing

    from shoal.app import open_checker
    from shoal.cli.results import json_line, row_of
    from shoal.cli.vantage import wait_for_judge, watched

    async with open_checker(options) as checker:
        await wait_for_judge(checker.vantage, options.check.timeout)
        async with watched(checker.vantage), aclosing(_generator(checker.run(given))) as entries:
            async for entry in entries:
                if entry.refused is not None:
                    tally.refuse(entry.refused)
                    continue
                tally.count(entry)
                row = row_of(entry)
                if results is not None:
                    results.write(row)
                if row["works"]:
                    sys.stdout.write((json_line(row) if as_json else row["proxy"]) + "\n")
                    sys.stdout.flush()
                if meter.update() and results is not None:
                    results.flush()


def _generator(entries: AsyncIterator[CheckedEntry]) -> AsyncGenerator[CheckedEntry, None]:
    """Running checks end with the generator, so it must be closed when we leave early."""
    from collections.abc import AsyncGenerator

    assert isinstance(entries, AsyncGenerator)
    return entries
