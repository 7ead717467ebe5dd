"""``shoal migrate``: the settings of a proxy_pool, as ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import rich_click as click

from shoal.cli.exits import OK, say


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--output", metavar="F", default="shoal.toml", show_default=True, help="Where to write; - prints it.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def migrate(file: str, output: str, force: bool) -> int:
    """Read the `setting.py` of a jhao104/proxy_pool, which is not run, and write its settings as `shoal.toml`.

    Its environment names (HOST, PORT, VERIFY_TIMEOUT, ...) count as they do there, where they are set. What has no
    counterpart is told with the reason. docs/migrating.md has the whole way.
    """
    from shoal.config.proxy_pool import migrate as migrated
    from shoal.config.proxy_pool import read_setting
    from shoal.errors import ConfigError
    from shoal.policy.source_choice import Choice
    from shoal.sources.catalog import load_aliases, load_catalog

    try:
        values, unclear = read_setting(Path(file).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"{file} cannot be read: {why}") from error
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    choice = Choice([row.name for row in load_catalog()], load_aliases())
    done = migrated(values, unclear, os.environ, lambda name: bool(choice.names(name)))
    if output == "-":
        sys.stdout.write(done.toml)
    else:
        _write(Path(output).expanduser(), done.toml, force)
    for note in done.notes:
        say(note)
    if output != "-":
        say(f"wrote {output}; check it with `shoal config check --config {output}`, then `shoal up --config {output}`")
    return OK


def _write(path: Path, text: str, force: bool) -> None:
    from shoal.errors import ConfigError

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already; --force writes over it, --output names another") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
