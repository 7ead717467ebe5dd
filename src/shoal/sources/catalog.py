"""The built-in catalogue: well-known public lists, one row of ``catalog.toml`` each."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct

from shoal.domain import Scheme


class CatalogRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One public list. ``url`` may hold ``{page}``, which runs from ``first_page`` for ``pages`` pages.

    ``form`` and ``terms`` are for people: content decides how a document is read, and terms are what is known of them.
    """

    name: str
    url: str
    form: str
    terms: str
    interval: float
    """Seconds between runs; about how often the list itself changes."""
    scheme: Scheme | None = None
    """What the list claims for entries that do not say; None where entries say it or nobody knows."""
    pages: int = 1
    first_page: int = 1
    enabled: bool = True
    note: str = ""
    """Why it is switched off."""

    @property
    def urls(self) -> tuple[str, ...]:
        """The pages in the order in which they are read."""
        return tuple(
            self.url.replace("{page}", str(page)) for page in range(self.first_page, self.first_page + self.pages)
        )


class _Catalog(Struct, frozen=True, forbid_unknown_fields=True):
    source: tuple[CatalogRow, ...]
    aliases: dict[str, tuple[str, ...]]


def load_catalog() -> tuple[CatalogRow, ...]:
    """Every row, those that are switched off included."""
    return _load().source


def load_aliases() -> dict[str, tuple[str, ...]]:
    """What proxy_pool calls its sources, and the rows that read the same sites."""
    return _load().aliases


@cache
def _load() -> _Catalog:
    text = resources.files("shoal.sources").joinpath("catalog.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Catalog)
