"""``shoal sources add``, ``enable`` and ``disable``: changes to the settings file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from shoal.cli.exits import OK, say

if TYPE_CHECKING:
    from shoal.options import Options, SourceOptions
    from shoal.policy.source_choice import Choice

_CONFIG = click.option("--config", metavar="FILE", help="Settings file to change; default: the one that is read.")
_RESTART = "a pool that runs takes it up when it is started again"


@click.command()
@click.argument("name")
@click.argument("where", metavar="URL|FILE|FOLDER|python:MODULE:FUNCTION")
@click.option("--api", is_flag=True, help="WHERE is an interface that gives one proxy, or a few, a call.")
@click.option(
    "--scheme", type=click.Choice(("http", "https", "socks4", "socks4a", "socks5")), help="What its entries are."
)
@click.option("--trust", type=click.Choice(("own", "public")), help="Default: own; never capped, never expires.")
@click.option("--tier", metavar="N", type=click.IntRange(0, 99), help="Picks look at lower tiers first; default 0.")
@click.option("--interval", metavar="SECONDS", type=float, help="How often it is read.")
@click.option("--max-in-flight", metavar="N", type=int, help="Requests through all its proxies at once.")
@click.option("--tag", "tags", metavar="WORD", multiple=True, help="Tag that its proxies get; may be repeated.")
@click.option("--keep-catalog", is_flag=True, help="Go on reading the built-in catalogue beside it.")
@_CONFIG
def add(config: str | None, name: str, where: str, api: bool, keep_catalog: bool, **values: Any) -> int:
    """Add a list of yours to the settings file. docs/settings.md and docs/sources.md have what else a source can be.

    The catalogue is for those who have no list of their own: once one is added it is no longer read, unless you say
    --keep-catalog.
    """
    from shoal.config.edit import SettingsFile, file_to_edit

    environ = dict(os.environ)
    file = SettingsFile(file_to_edit(Path(config) if config else None, environ))
    before = _names_on(_now(file.path, environ).sources)
    table = {"name": name, _kind(where, api): _placed(where)}
    file.add_source(table | {key: value for key, value in values.items() if value is not None and value != ()})
    if keep_catalog:
        file.set("sources", "catalog", True)
    after = _names_on(file.save(environ).sources)
    say(f"{name} stands in {file.path}; {_RESTART}")
    if gone := before - after:
        say(
            f"{len(gone)} lists of the catalogue are no longer read, since you have one of your own; "
            "`catalog = true` under [sources] (or --keep-catalog) keeps both"
        )
    return OK


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_CONFIG
def enable(config: str | None, names: tuple[str, ...]) -> int:
    """Let sources be read: names, patterns or proxy_pool's names, as `shoal sources list` shows them."""
    return _switch(config, names, on=True)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_CONFIG
def disable(config: str | None, names: tuple[str, ...]) -> int:
    """Let sources be left out, without forgetting them."""
    return _switch(config, names, on=False)


def _switch(config: str | None, names: tuple[str, ...], *, on: bool) -> int:
    from shoal.config.edit import SettingsFile, file_to_edit
    from shoal.errors import ConfigError

    environ = dict(os.environ)
    file = SettingsFile(file_to_edit(Path(config) if config else None, environ))
    options = _now(file.path, environ).sources
    choice = _choice(options)
    unknown = [choice.unknown(name) for name in names if not choice.names(name)]
    if unknown:
        raise ConfigError(*unknown)
    meant = {found for name in names for found in choice.names(name)}
    before = _names_on(options)
    changed = _enabled(options, choice, meant) if on else _disabled(options, names)
    for key in ("catalog", "enable", "disable"):
        if getattr(changed, key) != getattr(options, key):
            file.set("sources", key, getattr(changed, key))
    if on:
        for own in options.own:
            if own.name in meant and not own.enabled:
                file.set_source(own.name, "enabled", None)
    if (before >= meant) if on else not (before & meant):
        say(f"nothing to do: {', '.join(sorted(meant)[:5])} {'is' if on else 'is not'} read already")
        return OK
    after = _names_on(file.save(environ).sources)
    say(f"{file.path}: {len(after)} sources are read now, {len(before)} before; {_RESTART}")
    return OK


def _enabled(options: SourceOptions, choice: Choice, meant: set[str]) -> SourceOptions:
    """So changed that ``meant`` is read beside what is read now."""
    from msgspec.structs import replace

    # A pattern that names others too is replaced by what is left of it.
    left = [
        [one] if not meant & set(choice.names(one)) else [name for name in choice.names(one) if name not in meant]
        for one in options.disable
    ]
    options = replace(options, disable=tuple(dict.fromkeys(name for names in left for name in names)))
    own = {source.name for source in options.own}
    missing = tuple(sorted(meant - own - _names_on(options)))
    if not missing:
        return options
    # Naming rows means 'only these' unless the catalogue is asked for as a whole: what is read now must stay.
    defaults_read = options.catalog is None and not (options.enable or options.urls or options.own)
    catalog = True if defaults_read else None if options.catalog is False else options.catalog
    return replace(options, enable=(*options.enable, *missing), catalog=catalog)


def _disabled(options: SourceOptions, names: tuple[str, ...]) -> SourceOptions:
    from msgspec.structs import replace

    return replace(options, disable=tuple(dict.fromkeys((*options.disable, *names))))


def _names_on(options: SourceOptions) -> frozenset[str]:
    from shoal.sources.registry import names_on

    return names_on(options, [])


def _choice(options: SourceOptions) -> Choice:
    from shoal.policy.source_choice import Choice
    from shoal.sources.catalog import load_aliases, load_catalog

    return Choice([row.name for row in load_catalog()], load_aliases(), [own.name for own in options.own])


def _now(path: Path, environ: dict[str, str]) -> Options:
    from shoal.config import load_options

    return load_options({}, file=path if path.exists() else None, environ=environ)


def _kind(where: str, api: bool) -> str:
    if api:
        return "api"
    if "://" in where:
        return "url"
    if where.startswith("python:"):
        return "python"
    return "folder" if Path(where).expanduser().is_dir() else "file"


def _placed(where: str) -> str:
    """Paths in a settings file count from where it lies; what the user typed counts from here."""
    if "://" in where:
        return where
    if where.startswith("python:"):
        return where.removeprefix("python:")
    return str(Path(where).expanduser().absolute())
