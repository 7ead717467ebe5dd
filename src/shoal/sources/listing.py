"""Every source that the settings know, switched on or not, for people."""

from __future__ import annotations

from urllib.parse import urlsplit

from shoal.domain import Trust
from shoal.domain.source import ListedSource
from shoal.options import OwnSource, SourceOptions
from shoal.sources.catalog import CatalogRow, load_catalog
from shoal.sources.place import PYTHON, STDIN, public_name, split_scheme
from shoal.sources.registry import names_on


def list_sources(options: SourceOptions) -> tuple[ListedSource, ...]:
    """The user's own first, then the catalogue in its order. Names that mean nothing are left to ``open_sources``."""
    on = names_on(options, [])
    return (
        *[_from_url(text, options) for text in dict.fromkeys(options.urls)],
        *[listed_table(own, own.name in on) for own in options.own],
        *[_from_row(row, row.name in on) for row in load_catalog()],
    )


def _from_url(text: str, options: SourceOptions) -> ListedSource:
    scheme, spec = split_scheme(text.strip())
    kind = "python" if spec.startswith(PYTHON) else "url" if "://" in spec else "stdin" if spec == STDIN else "file"
    name = public_name(spec)
    return ListedSource(name, kind, name, Trust.OWN, True, options.interval, scheme)


def listed_table(own: OwnSource, is_on: bool) -> ListedSource:
    """The row of one table."""
    kind = own.kinds[0]
    value = getattr(own, kind)
    place = str(value) if kind in ("file", "folder", "python") else "the settings file" if kind == "inline" else kind
    if kind in ("url", "api"):
        place = urlsplit(str(value)).hostname or kind
    return ListedSource(own.name, kind, place, own.trust, is_on, own.interval, own.scheme)


def _from_row(row: CatalogRow, is_on: bool) -> ListedSource:
    return ListedSource(
        row.name,
        "catalog",
        urlsplit(row.url).hostname or row.url,
        Trust.PUBLIC,
        is_on,
        row.interval,
        row.scheme,
        row.pages,
        row.note or row.terms,
    )
