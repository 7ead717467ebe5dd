"""Settings of jhao104/proxy_pool read without running them, and what they become here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import tomlkit
from msgspec import Struct

from shoal.errors import ConfigError

ENVIRONMENT: Final = (
    "HOST", "PORT", "DB_CONN", "TABLE_NAME", "HTTP_URL", "HTTPS_URL", "VERIFY_TIMEOUT", "MAX_FAIL_COUNT",
    "POOL_SIZE_MIN", "PROXY_REGION", "TIMEZONE",
)  # fmt: skip
"""What its configHandler takes from the environment, over the file."""

_NO_NEED: Final = {
    "TABLE_NAME": "the pool lies in a store of its own",
    "MAX_FAIL_COUNT": "nothing is deleted for its failures: a forecast decides what is handed out and checked next",
    "POOL_SIZE_MIN": "every proxy is checked when its forecast asks for it, however many there are",
    "PROXY_REGION": "countries are told by sources and judges; no service is asked for them",
    "TIMEZONE": "times are UTC, with their zone",
    "HTTP_URL": "a site that answers 200 proves nothing: judges are asked; run one of your own with `shoal judge`",
    "HTTPS_URL": "HTTPS is proved by a verified TLS handshake with a judge through the tunnel",
    "MAX_FAIL_RATE": "nothing is deleted for its failures",
}
_SILENT: Final = frozenset({"VERSION", "BANNER"})


Knows = Callable[[str], bool]


class Migration(Struct, frozen=True):
    """The new settings file, and a sentence for everything that did not go into it."""

    toml: str
    notes: tuple[str, ...] = ()


def read_setting(text: str) -> tuple[dict[str, object], list[str]]:
    """Names and plain values that a ``setting.py`` assigns, and names whose values only running it would tell.

    Raises ``ConfigError`` when it is no Python.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        raise ConfigError(f"it is no Python that can be read{line}; name proxy_pool's setting.py") from error
    values: dict[str, object] = {}
    unclear: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if not isinstance(target, ast.Name) or not target.id.isupper():
                continue
            try:
                values[target.id] = ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                default = _environment_default(value)
                if default is None:
                    unclear.append(target.id)
                else:
                    values[target.id] = default
    return values, unclear


def _environment_default(node: ast.expr) -> object | None:
    """The default in ``os.environ.get("NAME", default)`` and ``os.getenv``, as people change the file to."""
    if (
        isinstance(node, ast.Call)
        and len(node.args) == 2
        and ast.unparse(node.func).endswith(("environ.get", "getenv"))
    ):
        try:
            found: object = ast.literal_eval(node.args[1])
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None
        return found
    return None


def migrate(values: Mapping[str, object], unclear: list[str], environ: Mapping[str, str], knows: Knows) -> Migration:
    """The settings as ``shoal.toml`` with comments; ``environ`` lies over the file as proxy_pool lays it.

    ``knows`` tells whether a name means a source here: its fetchers keep their names.
    """
    values = {**values, **{name: environ[name] for name in ENVIRONMENT if environ.get(name, "").strip()}}
    notes = [f"{name}: worked out by code, which is not run; set it by hand" for name in unclear]
    notes += [
        f"{name}: taken from the environment, which lies over the file there too"
        for name in ENVIRONMENT
        if environ.get(name, "").strip()
    ]
    document = tomlkit.document()
    document.add(tomlkit.comment("Made by `shoal migrate` from the settings of proxy_pool."))
    _api(document, values, notes)
    _check(document, values, notes)
    _sources(document, values, knows, notes)
    _store(document, values, notes)
    for name, why in _NO_NEED.items():
        if name in values:
            notes.append(f"{name}: {why}")
    known = {*_NO_NEED, *_SILENT, *ENVIRONMENT, "PROXY_FETCHER", "PROXY_FETCHER_EXCLUDE"}
    notes += [f"{name}: no setting of proxy_pool that is known here" for name in sorted(set(values) - known)]
    return Migration(tomlkit.dumps(document), tuple(notes))


def _api(document: tomlkit.TOMLDocument, values: Mapping[str, object], notes: list[str]) -> None:
    if "HOST" not in values and "PORT" not in values:
        return
    host, port = str(values.get("HOST", "127.0.0.1")).strip(), str(values.get("PORT", 5010)).strip()
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65_536:
        notes.append(f"PORT: {port[:20]!r} is no port; 5010 is used")
        port = "5010"
    table = tomlkit.table()
    if host in ("0.0.0.0", "::"):
        table.add(tomlkit.comment(f'HOST was "{host}": everybody who reached the port could take and delete proxies.'))
        table.add(tomlkit.comment("For that, write the address here and give a token: SHOAL_API_TOKEN or api.token,"))
        table.add(tomlkit.comment("or let in the networks of your machines: allow_from."))
        notes.append(f'HOST: "{host}" needs a token here, so the API stays on 127.0.0.1 until you give one')
        host = "127.0.0.1"
    table["listen"] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    document["api"] = table


def _check(document: tomlkit.TOMLDocument, values: Mapping[str, object], notes: list[str]) -> None:
    if "VERIFY_TIMEOUT" not in values:
        return
    try:
        seconds = float(str(values["VERIFY_TIMEOUT"]))
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= 300.0:
        notes.append(f"VERIFY_TIMEOUT: {str(values['VERIFY_TIMEOUT'])[:20]!r} cannot be used; the default stays")
        return
    table = tomlkit.table()
    table.add(tomlkit.comment("VERIFY_TIMEOUT bounded connect and read each; this bounds the whole check."))
    table["timeout"] = int(seconds) if seconds == int(seconds) else seconds
    document["check"] = table


def _sources(document: tomlkit.TOMLDocument, values: Mapping[str, object], knows: Knows, notes: list[str]) -> None:
    off = _names(values.get("PROXY_FETCHER_EXCLUDE"), knows, notes)
    on = _names(values.get("PROXY_FETCHER"), knows, notes)
    table = tomlkit.table()
    if on:
        table.add(tomlkit.comment("PROXY_FETCHER named these. Without this line the whole catalogue is read."))
        table["enable"] = on
    if off:
        table.add(tomlkit.comment("PROXY_FETCHER_EXCLUDE named these."))
        table["disable"] = off
    if on or off:
        document["sources"] = table


def _names(given: object, knows: Knows, notes: list[str]) -> list[str]:
    found: list[str] = []
    for item in given if isinstance(given, list | tuple) else ():
        name = str(item).rpartition(".")[2]
        if knows(name):
            found.append(name)
        else:
            notes.append(
                f"the fetcher {name[:60]} is unknown here: if it is yours, add what it reads as a [[source]] "
                'table, a function as python = "module:function"'
            )
    return list(dict.fromkeys(found))


def _store(document: tomlkit.TOMLDocument, values: Mapping[str, object], notes: list[str]) -> None:
    if "DB_CONN" not in values:
        return
    kind = urlsplit(str(values["DB_CONN"])).scheme or "another"
    table = tomlkit.table()
    table.add(tomlkit.comment(f"DB_CONN named a {kind} server. None is needed: the pool lies in a file of its own."))
    table.add(tomlkit.comment('data = "/var/lib/shoal"'))
    document["store"] = table
    notes.append(f"DB_CONN: no {kind} server is needed; what lies in it is not read, and the pool fills itself anew")
