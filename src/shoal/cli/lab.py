"""``shoal lab``: the simulated internet by itself."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from shoal.cli.exits import OK

if TYPE_CHECKING:
    import asyncio

PRESETS: Final = ("raw", "curated", "own", "flood", "mixed", "alive")
MAX_SIZE: Final = 200_000
LOOPBACK: Final = "127.0.0.0/8"


def lab_flags(size: int, preset: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The flags that shape a lab, with a command's own defaults."""
    flags = (
        click.option("--seed", metavar="N", type=int, default=1, show_default=True, help="Same seed, same internet."),
        click.option(
            "--size",
            metavar="N",
            type=click.IntRange(1, MAX_SIZE),
            default=size,
            show_default=True,
            help="How many proxies live there.",
        ),
        click.option(
            "--preset",
            type=click.Choice(PRESETS),
            default=preset,
            show_default=True,
            help="Which population: a raw public list, a curated one, paid ones, a flood, or the benchmarks'.",
        ),
        click.option(
            "--speed",
            metavar="X",
            type=click.FloatRange(0, 1_000_000),
            default=1.0,
            show_default=True,
            help="How fast the lab's time runs: at 60, an hour of churn takes a minute.",
        ),
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for flag in reversed(flags):
            command = flag(command)
        return command

    return add


@click.command()
@lab_flags(2000, "raw")
@click.option(
    "--port", metavar="P", type=click.IntRange(0, 65_535), default=0, help="Port of the index; default: any free one."
)
@click.option("--dir", "folder", metavar="DIR", help="Where its certificates go; default: a temporary folder.")
@click.option("--settings", "written", metavar="FILE", help="Writes there the settings of a pool against this lab.")
@click.option("--until-eof", is_flag=True, hidden=True, help="End when standard input does.")
def lab(
    seed: int,
    size: int,
    preset: str,
    speed: float,
    port: int,
    folder: str | None,
    written: str | None,
    until_eof: bool,
) -> int:
    """Run a simulated internet on loopback: proxies, lists, judges, and the truth about each proxy. Needs Linux.

    It prints where everything is as JSON, with a command line for `shoal up`, and runs until Ctrl-C.
    """
    from pathlib import Path

    from shoal.cli.running import run_until_stopped

    settings = {
        "seed": seed,
        "size": size,
        "preset": preset,
        "speed": speed,
        "folder": Path(folder).expanduser() if folder else None,
        "control_port": port,
    }
    return run_until_stopped(lambda stop: _lab(settings, written, until_eof, stop))


async def _lab(settings: dict[str, Any], written: str | None, until_eof: bool, stop: asyncio.Event) -> int:
    import asyncio
    from pathlib import Path

    from shoal.lab import Lab

    async with Lab(**settings) as running:
        if written:
            await asyncio.to_thread(Path(written).write_text, settings_text(running.describe()), "utf-8")
        sys.stdout.write(index_text(running.describe(), pretty=sys.stdout.isatty()) + "\n")
        sys.stdout.flush()
        if until_eof:
            loop = asyncio.get_running_loop()
            loop.add_reader(sys.stdin.fileno(), stop.set)
        await stop.wait()
    return OK


def index_text(index: dict[str, Any], *, pretty: bool) -> str:
    """The index as printed: on one line for programs."""
    shown = dict(index) | {"truth": f"{index['control']}/truth", "up": up_command(index)}
    return json.dumps(shown, indent=2 if pretty else None)


def settings_text(index: dict[str, Any]) -> str:
    """A settings file (TOML) for a pool against this lab."""
    lines = ["[sources]", f"urls = {json.dumps(list(index['lists']))}", "catalog = false", "", "[judge]"]
    lines += [f"urls = {json.dumps(list(index['judges']))}", f"ca_file = {json.dumps(str(index['ca']))}"]
    lines += ["public = false", "", "[admission]", f"allow = {json.dumps([LOOPBACK])}"]
    lines += [f"allow_public = {json.dumps([LOOPBACK])}", "", "[gateway]", f"allow_target = {json.dumps([LOOPBACK])}"]
    return "\n".join(lines) + "\n"


def up_command(index: dict[str, Any]) -> str:
    """A command line that runs a pool against this lab."""
    words = ["shoal", "up"]
    for flag, key in (("--source", "lists"), ("--judge", "judges")):
        for url in index[key]:
            words += [flag, url]
    words += ["--judge-ca", str(index["ca"]), "--allow", "127.0.0.0/8", "--store", "memory:"]
    return shlex.join(words)
