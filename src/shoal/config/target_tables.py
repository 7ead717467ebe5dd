"""The ``[[target]]`` tables of a settings file: each checked by itself, every problem told."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from shoal.domain import Target
from shoal.errors import ConfigError
from shoal.options import Expect, Options, OwnTarget
from shoal.policy.target_rules import TargetRules
from shoal.policy.target_table import read_target

_KEYS: Final = OwnTarget.__struct_fields__
_EXPECT: Final = Expect.__struct_fields__


def read_target_tables(tables: object, file: Path, problems: list[str]) -> tuple[OwnTarget, ...]:
    """The tables that can be read; what is wrong with the others is added to ``problems``."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"{file} sets target to a value or one table; write [[target]] above each target")
        return ()
    found = []
    for number, table in enumerate(tables, start=1):
        where = f"{file}, [[target]] {table.get('name') or table.get('url') or f'number {number}'}"
        table, wrong = _plain(table)
        try:
            own = None if wrong else msgspec.convert(table, OwnTarget)
        except msgspec.ValidationError as error:
            own = None
            wrong.append(str(error).replace("Expected", "is wrong: expected").replace("`", ""))
        problems += [f"{where} {problem}" for problem in wrong]
        if own is not None:
            found.append(own)
    return tuple(found)


def _plain(table: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """With underscores in keys, and ``expect_status`` as ``status`` of ``expect``."""
    plain: dict[str, Any] = {}
    expect: dict[str, Any] = {}
    wrong = []
    for key, value in table.items():
        word = key.replace("-", "_")
        if word == "expect" and isinstance(value, dict):
            expect |= {name.replace("-", "_"): one for name, one in value.items()}
        elif word.removeprefix("expect_") in _EXPECT:
            expect[word.removeprefix("expect_")] = value
        elif word in _KEYS:
            plain[word] = value
        else:
            close = difflib.get_close_matches(word, (*_KEYS, *_EXPECT), n=1)
            wrong.append(f"has an unknown setting {key}" + (f"; did you mean {close[0]}?" if close else ""))
    wrong += [
        f"expects {name}, which is unknown; there are status, regex and not-regex"
        for name in expect
        if name not in _EXPECT
    ]
    if "url" not in plain:
        wrong.append("has no url")
    if expect:
        plain["expect"] = expect
    return plain, wrong


def configured_targets(options: Options) -> tuple[Target, ...]:
    """The targets of the settings, ready for use. Raises ``ConfigError`` with every problem."""
    rules = TargetRules(options.gateway.allow_target, options.gateway.refused_ports)
    found: dict[str, Target] = {}
    problems = []
    for own in options.targets.own:
        target, wrong = read_target(own, options.targets, rules.judge, from_file=True)
        if target is not None and target.name in found:
            wrong = ["has the name of another one; give it a name of its own"]
        problems += [f"[[target]] {own.name or own.url} {problem}" for problem in wrong]
        if target is not None:
            found[target.name] = target
    if problems:
        raise ConfigError(*problems)
    return tuple(found.values())
