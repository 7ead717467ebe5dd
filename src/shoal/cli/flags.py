"""Flags that several commands share, and how they become options."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

if TYPE_CHECKING:
    from shoal.options import Options

_Command = Callable[..., Any]
_ORIGINS: Final = "shoal.origins"

_CONFIG = click.option("--config", metavar="FILE", help="Settings file (TOML); docs/settings.md has every setting.")
_DATA = click.option("--data", metavar="DIR", help="Data folder; default: the platform's place for a user's data.")
_STORE = click.option("--store", metavar="URL", help="Where the pool is kept: sqlite:///PATH, redis://HOST or memory:.")
_API = click.option("--api", metavar="HOST:PORT", help="Where the HTTP API listens; default 127.0.0.1:5010.")

_PROCESSES = click.option(
    "--processes",
    metavar="N",
    type=int,
    help="Processes that share the checks, and the gateway's port; default 1, with `check` one for every core.",
)

_RUNNING: Final = (
    click.option(
        "--source",
        metavar="URL|FILE",
        multiple=True,
        help="A list of proxies, yours; may be repeated. Replaces the built-in catalogue.",
    ),
    click.option(
        "--judge",
        metavar="URL",
        multiple=True,
        help="A judge of yours; may be repeated. Replaces the public ones. '#key=...' gives its key.",
    ),
    click.option("--judge-ca", metavar="FILE", help="PEM file with the authority of your https judges."),
    click.option(
        "--allow",
        metavar="CIDR",
        multiple=True,
        help="Opens a private network for judges, sources and your own proxies; may be repeated.",
    ),
    _DATA,
    _STORE,
    _API,
    click.option("--gateway", metavar="HOST:PORT", help="Where the rotating gateway listens; default 127.0.0.1:5011."),
    click.option(
        "--allow-target",
        metavar="CIDR",
        multiple=True,
        help="Opens a private network as a target of the gateway's clients; may be repeated.",
    ),
    click.option("--concurrency", metavar="N", type=int, help="Checks in flight at once; default 1000."),
    _PROCESSES,
    click.option("--timeout", metavar="SECONDS", type=float, help="One check of one proxy, all in all; default 10."),
    _CONFIG,
)
_PLACED: Final = (_DATA, _CONFIG)
_WORKING: Final = (
    _STORE,
    click.option("--broker", metavar="URL", help="Broker of the batches, any of Celery's; default: the store."),
    click.option("--vantage", metavar="NAME", help="Where this worker stands; its checks count for that place."),
    *(flag for flag in _RUNNING if flag not in (_STORE, _API, _PROCESSES)),
)
_READING: Final = (_API, _DATA, _STORE, _CONFIG)
_IMPORTING: Final = (
    click.option(
        "--allow", metavar="CIDR", multiple=True, help="Opens a private network for lists and proxies; may be repeated."
    ),
    _DATA,
    _STORE,
    _CONFIG,
)
_SETTING: Final = (
    click.option(
        "--allow", metavar="CIDR", multiple=True, help="Opens a private network for sources; may be repeated."
    ),
    _CONFIG,
)

_KEYS: Final = {
    "source": "sources.urls",
    "judge": "judge.urls",
    "judge_ca": "judge.ca_file",
    "allow": "admission.allow",
    "data": "store.data",
    "store": "store.url",
    "broker": "cluster.broker",
    "vantage": "cluster.vantage",
    "api": "api.listen",
    "gateway": "gateway.listen",
    "processes": "gateway.processes",
    "allow_target": "gateway.allow_target",
    "concurrency": "check.concurrency",
    "timeout": "check.timeout",
}
"""Name of a flag's parameter to the setting it fills."""


def running(command: _Command) -> _Command:
    """Adds the flags of every running command; the command gets the merged settings as ``options``."""
    return _with(_RUNNING, command)


def working(command: _Command) -> _Command:
    """Adds the flags of a worker; the command gets the merged settings as ``options``."""
    return _with(_WORKING, command)


def reading(command: _Command) -> _Command:
    """Adds the flags that say where a pool is; the command gets the merged settings as ``options``."""
    return _with(_READING, command)


def importing(command: _Command) -> _Command:
    """Adds the flags that say where to import to; the command gets the merged settings as ``options``."""
    return _with(_IMPORTING, command)


def placed(command: _Command) -> _Command:
    """Adds the flags that say where the data folder is; the command gets the merged settings as ``options``."""
    return _with(_PLACED, command)


def configured(command: _Command) -> _Command:
    """Adds the flags of commands about the settings themselves; the command gets them merged as ``options``."""
    return _with(_SETTING, command)


def _with(flags: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    names = _names(flags)

    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        shared = {name: given.pop(name) for name in names}
        return command(options=options_of(shared), **given)

    flagged: _Command = wrapped
    for flag in reversed(flags):
        flagged = flag(flagged)
    return flagged


def _names(flags: tuple[Callable[[_Command], _Command], ...]) -> tuple[str, ...]:
    def nothing() -> None: ...

    for flag in flags:
        flag(nothing)
    return tuple(parameter.name for parameter in getattr(nothing, "__click_params__", ()))


def options_of(given: dict[str, Any]) -> Options:
    """The settings from file, environment and these flags. Raises ``ConfigError``."""
    from shoal.config import load_options
    from shoal.config.load import origins_of
    from shoal.telemetry import configure_logs

    # On a terminal a panel or a bar shows how things go; lines beside it only where something is wrong.
    configure_logs(os.environ.get("SHOAL_LOG") or ("warning" if sys.stderr.isatty() else ""))
    config = given.get("config")
    flags = {key: given.get(name) for name, key in _KEYS.items()}
    # One flag says how many cores the whole program may use.
    flags["check.processes"] = given.get("processes")
    file = Path(config) if config else None
    options = load_options(flags, file=file, environ=os.environ)
    if (context := click.get_current_context(silent=True)) is not None:
        context.meta[_ORIGINS] = origins_of(file, os.environ, flags)
    return options


def origins() -> dict[str, str]:
    """Where each setting that is given to the command at work comes from."""
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta.get(_ORIGINS, {})
