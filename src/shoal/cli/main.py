"""``shoal``: the commands, found when they are asked for, and errors as one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import rich_click as click

from shoal import __version__
from shoal.cli.exits import EXIT_CODES, INTERRUPTED, OK, WRONG_USE, explain, first_of, say
from shoal.cli.lazy import LazyGroup

COMMANDS: Final = {
    "up": "shoal.cli.up:up",
    "demo": "shoal.cli.demo:demo",
    "schedule": "shoal.cli.halves:schedule",
    "server": "shoal.cli.halves:server",
    "worker": "shoal.cli.work:worker",
    "check": "shoal.cli.check:check",
    "fetch": "shoal.cli.fetch:fetch",
    "list": "shoal.cli.ask:list_command",
    "get": "shoal.cli.ask:get_command",
    "import": "shoal.cli.import_:import_command",
    "link": "shoal.cli.link:link",
    "sources": "shoal.cli.sources:sources",
    "config": "shoal.cli.settings:config",
    "backup": "shoal.cli.backup:backup",
    "restore": "shoal.cli.backup:restore",
    "top": "shoal.cli.top:top",
    "health": "shoal.cli.health:health",
    "doctor": "shoal.cli.doctor:doctor",
    "geo": "shoal.cli.geo:geo",
    "migrate": "shoal.cli.migrate:migrate",
    "judge": "shoal.cli.judge:judge",
    "lab": "shoal.cli.lab:lab",
    "replay": "shoal.cli.replay:replay",
    "completion": "shoal.cli.completion:completion",
    "version": "shoal.cli.version:version",
}
"""Name to where it lives. Other programs rely on the names."""


_EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."


@click.group(cls=LazyGroup, places=COMMANDS, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shoal", message="%(prog)s %(version)s")
def shoal() -> None:
    """A proxy pool that tells the truth: it collects HTTP and SOCKS proxies, finds out what each can really do,
    forecasts which will work now, and hands them out.

    Start with `shoal up`, or with `shoal demo`, which needs no network.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code. Errors that a user can mend become one line on standard error."""
    try:
        code = shoal.main(args=arguments, prog_name="shoal", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else OK
    except click.ClickException as error:
        say(_usage(error))
        return WRONG_USE
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        return INTERRUPTED
    except SystemExit as error:
        # click ends so after help that nobody asked for, and when whoever read us (head, less) has seen enough: the
        # latter is no failure of ours.
        return OK if isinstance(error.__context__, BrokenPipeError) else int(error.code or OK)
    except Exception as error:  # the last place where an error can become a sentence; unknown ones go on
        if isinstance(first_of(error), BrokenPipeError):
            # The same, met while a command was at work; the interpreter must not complain when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        told = explain(error)
        if told is None:
            raise
        say(told[1])
        return told[0]


def _usage(error: click.ClickException) -> str:
    text = error.format_message().strip()
    text = text[:1].lower() + text[1:]
    context = getattr(error, "ctx", None)
    if isinstance(error, click.UsageError) and context is not None:
        return f"{text.rstrip('.')} (see `{context.command_path} --help`)"
    return text


def main() -> NoReturn:
    """The console script."""
    code = run()
    if (running := sys.modules.get("shoal.cli.running")) is not None:
        running.leave(code)
    sys.exit(code)
