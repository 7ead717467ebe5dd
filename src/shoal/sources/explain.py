"""Tables of docs/sources.md that are read off the code: the catalogue, its other names, the fields of a source."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import NODEFAULT
from msgspec import inspect as shape

from shoal.options import OwnSource
from shoal.sources.catalog import CatalogRow, load_aliases, load_catalog

_NOUNS: dict[type, str] = {
    shape.BoolType: "true or false",
    shape.IntType: "whole number",
    shape.FloatType: "number",
    shape.StrType: "text",
    shape.VarTupleType: "list of texts",
    shape.DictType: "table of texts",
}


def catalogue_table() -> str:
    """Every row of the catalogue."""
    rows = [_row(row) for row in load_catalog()]
    return _table("name", "host", "scheme", "form", "pages", "every", "terms", "default", rows=rows)


def aliases_table() -> str:
    """What proxy_pool calls its sources."""
    rows = [[f"`{name}`", ", ".join(f"`{row}`" for row in rows)] for name, rows in load_aliases().items()]
    return _table("proxy_pool", "here", rows=rows)


def fields_table() -> str:
    """Every field of a ``[[source]]`` table."""
    shown = shape.type_info(OwnSource)
    assert isinstance(shown, shape.StructType)
    return _table(
        "field", "value", "default", "meaning", rows=[_field(one) for one in shown.fields if one.name != "base"]
    )


def _row(row: CatalogRow) -> list[str]:
    every = f"{row.interval / 3600:g} h" if row.interval >= 3600 else f"{row.interval / 60:g} min"
    state = "on" if row.enabled else f"off: {row.note}"
    host = urlsplit(row.url).hostname or ""
    return [f"`{row.name}`", host, row.scheme or "", row.form, str(row.pages), every, row.terms, state]


def _field(field: shape.Field) -> list[str]:
    kind, text = field.type, ""
    if isinstance(kind, shape.Metadata):
        text = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    members = kind.types if isinstance(kind, shape.UnionType) else (kind,)
    value = " or ".join(_noun(member) for member in members if not isinstance(member, shape.NoneType))
    return [f"`{field.name}`", value, "must be set" if field.required else _default(field.default), text]


def _noun(kind: shape.Type) -> str:
    if isinstance(kind, shape.EnumType):
        return ", ".join(f"`{member.value}`" for member in kind.cls)
    return _NOUNS[type(kind)]


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{value}`".lower()
    if value is None or value == () or value is NODEFAULT:
        return ""
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _table(*head: str, rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
