"""The table of settings, read off ``shoal.options``: name, kind, bounds, default, environment variable, flag."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from msgspec import inspect as shape

from shoal.options import Options

Kind = Literal["whole", "number", "text", "list", "switch"]

FLAGS: Final[dict[str, str]] = {
    "sources.urls": "--source",
    "judge.urls": "--judge",
    "judge.ca_file": "--judge-ca",
    "admission.allow": "--allow",
    "store.data": "--data",
    "store.url": "--store",
    "cluster.broker": "--broker",
    "cluster.vantage": "--vantage",
    "api.listen": "--api",
    "gateway.listen": "--gateway",
    "gateway.processes": "--processes",
    "gateway.allow_target": "--allow-target",
    "check.concurrency": "--concurrency",
    "check.timeout": "--timeout",
}
SECRETS: Final = frozenset({"api.token", "api.judge_key", "store.password", "mirror.password", "cluster.broker"})
"""Readable from a file that ``SHOAL_…_FILE`` names."""
HIDDEN: Final = SECRETS | {"gateway.users", "gateway.first_hop"}
"""Never shown, not even in an error."""


class Setting(Struct, frozen=True):
    """One setting. ``above`` is an exclusive lower bound, ``least`` and ``most`` are inclusive ones."""

    group: str
    name: str
    kind: Kind
    optional: bool
    default: object
    help: str
    above: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def key(self) -> str:
        return f"{self.group}.{self.name}"

    @property
    def environment(self) -> str:
        return f"SHOAL_{self.group}_{self.name}".upper()

    @property
    def flag(self) -> str | None:
        return FLAGS.get(self.key)

    @property
    def is_secret(self) -> bool:
        """Readable from a file of its own."""
        return self.key in SECRETS

    @property
    def is_hidden(self) -> bool:
        """Never shown, not even in an error."""
        return self.key in HIDDEN

    @property
    def allowed(self) -> str:
        """What may stand there, in words."""
        if self.kind == "text":
            return "a text"
        if self.kind == "switch":
            return "true or false"
        if self.kind == "list":
            return "a list of texts"
        noun = "a whole number" if self.kind == "whole" else "a number"
        low = f"above {self.above:g}" if self.above is not None else None
        low = f"at least {_plain(self.least)}" if self.least is not None else low
        high = f"at most {_plain(self.most)}" if self.most is not None else None
        return " ".join((noun, " and ".join(part for part in (low, high) if part))).strip()


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


_KINDS: dict[type, Kind] = {
    shape.BoolType: "switch",
    shape.IntType: "whole",
    shape.FloatType: "number",
    shape.StrType: "text",
    shape.VarTupleType: "list",
}


def _setting(group: str, field: shape.Field) -> Setting:
    kind, text = field.type, ""
    if isinstance(kind, shape.Metadata):
        text = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    optional = False
    if isinstance(kind, shape.UnionType):
        optional = True
        kind = next(member for member in kind.types if not isinstance(member, shape.NoneType))
    bounds: dict[str, Any] = {}
    if isinstance(kind, shape.IntType | shape.FloatType):
        bounds = {"above": kind.gt, "least": kind.ge, "most": kind.le}
    default = None if field.default is msgspec.NODEFAULT else field.default
    return Setting(group, field.name, _KINDS[type(kind)], optional, default, text, **bounds)


def _is_tables(field: shape.Field) -> bool:
    """True for an array of tables, which is written in the settings file alone."""
    return isinstance(field.type, shape.VarTupleType) and isinstance(field.type.item_type, shape.StructType)


def _settings() -> tuple[Setting, ...]:
    groups = shape.type_info(Options)
    assert isinstance(groups, shape.StructType)
    found = []
    for group in groups.fields:
        assert isinstance(group.type, shape.StructType)
        found += [_setting(group.name, field) for field in group.type.fields if not _is_tables(field)]
    return tuple(found)


SETTINGS: Final = _settings()
"""Every setting in the order of ``shoal.options``."""
