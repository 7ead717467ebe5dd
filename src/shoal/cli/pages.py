"""The command line as a page: what docs/cli.md holds."""

from __future__ import annotations

import inspect

import rich_click as click

from shoal.cli.exits import EXIT_CODES
from shoal.cli.main import COMMANDS, shoal

_INTRODUCTION = """# Command line

This page is written by `make docs` from the program's own help.

Results go to standard output; progress, summaries and errors go to standard error. An error is one line that begins
with `shoal:` and says what to do. Every flag that fills a setting can also stand in the settings file or the
environment: see [settings](settings.md).
"""


def cli_markdown() -> str:
    """The whole page: exit codes, then every command with its flags."""
    context = click.Context(shoal, info_name="shoal")
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    parts = [_INTRODUCTION, f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n"]
    for name in COMMANDS:
        command = shoal.get_command(context, name)
        assert command is not None
        parts.append(_section(name, command, context))
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            for sub in command.list_commands(inner):
                found = command.get_command(inner, sub)
                assert found is not None
                parts.append(_section(f"{name} {sub}", found, inner))
    return "\n".join(parts)


def _section(name: str, command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    text = inspect.cleandoc(command.help or "")
    epilog = f"\n\n{command.epilog}" if command.epilog else ""
    rows = [
        _row(parameter, context)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
    ]
    table = "\n".join(("", "| flag | meaning |", "|---|---|", *rows, "")) if rows else ""
    return f"## `shoal {name}`\n\n```\nshoal {name} {usage}\n```\n\n{text}{epilog}\n{table}"


def _row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    names, text = (part.replace("|", "\\|") for part in record)
    return f"| `{names}` | {text} |"
