"""The ``[[source]]`` tables of a settings file: each checked by itself, every problem told."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from shoal.options import SOURCE_KINDS, OwnSource

_TYPES: Final = typing.get_type_hints(OwnSource, include_extras=True)
_KEYS: Final = tuple(name for name in OwnSource.__struct_fields__ if name != "base")
_NAME = re.compile(r"\w[\w .:+-]{0,63}")
_PATHS: Final = ("file", "folder", "credentials_file")
_WEB: Final = ("headers", "headers_env", "headers_file", "proxy")
_ABOVE_ZERO: Final = ("interval", "max_in_flight", "check_interval", "byte_budget", "fetch_budget_bytes")


def read_tables(tables: object, file: Path, problems: list[str]) -> tuple[OwnSource, ...]:
    """The tables that are right; what is wrong with the others is added to ``problems``. Paths count from where the
    file lies."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{file} sets source to a value or one table; write [[source]] above each source")
        return ()
    found: dict[str, OwnSource] = {}
    for number, table in enumerate(tables, start=1):
        name = table.get("name")
        where = f"{file}, [[source]] {name!r}" if isinstance(name, str) else f"{file}, [[source]] number {number}"
        own, wrong = read_table(table, file.absolute().parent)
        if own is not None and own.name in found:
            wrong = [*wrong, "has a name that another one has; give it a name of its own"]
        problems += [f"{where} {problem}" for problem in wrong]
        if own is not None and not wrong:
            found[own.name] = own
    return tuple(found.values())


def read_table(table: Mapping[str, Any], folder: Path) -> tuple[OwnSource | None, list[str]]:
    """One table, or what is wrong with it, each the end of a sentence. Relative paths count from the folder."""
    wrong: list[str] = []
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            wrong.append(f"has an unknown setting {key}" + (f"; did you mean {close[0]}?" if close else ""))
            continue
        try:
            values[key] = msgspec.convert(value, _TYPES[key])
        except msgspec.ValidationError as error:
            # The value itself may be a secret: only its type and bounds are told.
            wrong.append(f"sets {key}, but {_plain(str(error))}")
    if "name" not in table:
        wrong.append("has no name")
    if wrong:
        return None, wrong
    own = OwnSource(**values, base=str(folder))
    wrong = _contradictions(own, table)
    return (None, wrong) if wrong else (_with_folder(own, folder), [])


def _contradictions(own: OwnSource, table: Mapping[str, Any]) -> list[str]:
    wrong = []
    if not _NAME.fullmatch(own.name):
        wrong.append("has a name that cannot be used; take letters, digits, spaces and . : + - (64 at most)")
    if len(own.kinds) != 1:
        named = " and ".join(own.kinds)
        kinds = ", ".join(SOURCE_KINDS)
        wrong.append(f"names {named}; keep one of them" if named else f"says not where to read; set one of {kinds}")
    kind = own.kinds[0] if len(own.kinds) == 1 else None
    if kind is not None and kind not in ("url", "api"):
        wrong += [f"sets {key}, which only url and api take" for key in _WEB if key in table]
    if kind is not None and kind != "api":
        wrong += [f"sets {key}, which only api takes" for key in ("calls", "call_interval") if key in table]
    if own.credentials_env and own.credentials_file:
        wrong.append("sets credentials_env and credentials_file; keep one of them")
    wrong += [
        f"sets {key}, which must be above 0"
        for key in _ABOVE_ZERO
        if getattr(own, key) is not None and getattr(own, key) <= 0
    ]
    return wrong


def _with_folder(own: OwnSource, folder: Path) -> OwnSource:
    def placed(path: str) -> str:
        return str(folder / Path(path).expanduser())

    changes: dict[str, Any] = {key: placed(getattr(own, key)) for key in _PATHS if getattr(own, key)}
    changes["headers_file"] = {name: placed(path) for name, path in own.headers_file.items()}
    return msgspec.structs.replace(own, **changes)


def _plain(text: str) -> str:
    """``Expected `int`, got `str``` and its like as the rest of a sentence."""
    return text.replace("Expected", "expected").replace("Invalid", "invalid").replace("`", "")
