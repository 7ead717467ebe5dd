"""``shoal config``: the settings as they are merged, and whether they are right."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from shoal.cli.exits import OK, say
from shoal.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from pathlib import Path

    from shoal.options import Options

_CONFIG = click.option("--config", "config_", metavar="FILE", help="Settings file (TOML); default: the usual one.")


@click.group(cls=LazyGroup, places={"show": "shoal.cli.settings:show", "check": "shoal.cli.settings:check"})
def config() -> None:
    """The settings: from one file, the environment and flags."""


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also settings that have their default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_CONFIG
def show(config_: str | None, everything: bool, as_json: bool) -> int:
    """Print the settings that are in force, and where each came from. Secrets are written ***."""
    path, options, origins = _loaded(config_)
    shown = _shown(options, origins, everything)
    if as_json:
        sys.stdout.write(json.dumps({key: value for key, value, _ in shown}) + "\n")
        return OK
    say(f"settings file: {path}" if path else "settings file: none")
    for key, value, origin in shown:
        click.echo(_line(key, value, origin))
    for own in options.sources.own:
        click.echo(_line(f"[[source]] {own.name}", own.kinds[0], str(path)))
    return OK


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_CONFIG
def check(config_: str | None, as_json: bool) -> int:
    """Say whether the settings are right: exit code 0, or 2 and one line that names everything that is wrong.

    Names of sources are looked up, and files must be there; nothing is contacted.
    """
    from shoal.net.resolver import SystemResolver
    from shoal.policy.address_rules import AddressRules
    from shoal.policy.bind import check_bind
    from shoal.sources.registry import open_sources

    path, options, origins = _loaded(config_)
    check_bind(options.api)
    resolver = SystemResolver(AddressRules.from_options(options.admission))
    found = open_sources(options.sources, options.admission, resolver)
    if as_json:
        told = {"file": str(path) if path else None, "given": len(origins), "sources": [one.name for one in found]}
        sys.stdout.write(json.dumps(told) + "\n")
        return OK
    where = f"{path}: " if path else "no settings file: "
    say(f"{where}all right; {len(origins)} settings given, {len(found)} sources are read")
    return OK


def _loaded(named: str | None) -> tuple[Path | None, Options, dict[str, str]]:
    from pathlib import Path

    from shoal.config import config_file, load_options
    from shoal.config.load import origins_of

    file = Path(named) if named else None
    path, _ = config_file(file, os.environ)
    return path, load_options({}, file=file, environ=os.environ), origins_of(file, os.environ)


def _shown(options: Options, origins: dict[str, str], everything: bool) -> list[tuple[str, Any, str]]:
    from shoal.config import SETTINGS

    rows: list[tuple[str, Any, str]] = []
    for setting in SETTINGS:
        value = getattr(getattr(options, setting.group), setting.name)
        if setting.key not in origins and not everything:
            continue
        if setting.is_hidden and value:
            value = "***"
        rows.append((setting.key, _plain(value), origins.get(setting.key, "default")))
    return rows


def _plain(value: Any) -> Any:
    from shoal.telemetry.redact import redacted

    if isinstance(value, tuple):
        return [redacted(item) for item in value]
    return redacted(value) if isinstance(value, str) else value


def _line(key: str, value: Any, origin: str) -> str:
    from shoal.telemetry.redact import printable

    return printable(f"{key} = {json.dumps(value, ensure_ascii=False)}  # {origin}", 500)
