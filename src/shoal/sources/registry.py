"""From settings to sources."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from shoal.domain import Scheme, Trust
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions, OwnSource, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.policy.source_choice import Choice, chosen
from shoal.ports import Resolver, Source, WayOut
from shoal.sources.catalog import CatalogRow, load_aliases, load_catalog
from shoal.sources.document import SourceTerms
from shoal.sources.fetch import Fetcher
from shoal.sources.file import FileSource
from shoal.sources.folder import FolderSource
from shoal.sources.own import Workshop, open_own, way
from shoal.sources.place import (
    PYTHON,
    STDIN,
    function_problem,
    path_problem,
    public_name,
    split_scheme,
    unique,
    url_problem,
)
from shoal.sources.python_function import PythonSource
from shoal.sources.web import WebSource


def open_sources(
    options: SourceOptions,
    admission: AdmissionOptions,
    resolver: Resolver,
    *,
    fetcher: Fetcher | None = None,
    way_out: WayOut | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Source, ...]:
    """Everything that is switched on: the user's own lists and tables, then rows of the catalogue.

    An entry of ``urls`` is an http(s) URL, a file, a folder, ``python:module:function``, or ``-`` for standard input.
    ``SCHEME=`` before it says what its entries are where they do not say themselves:
    ``socks5=https://host/list.txt``, ``http=proxies.txt``. Raises ``ConfigError`` with everything that is wrong.
    """
    shop = _workshop(options, admission, resolver, fetcher, way_out, environ)
    problems: list[str] = []
    on = names_on(options, problems)
    sources = _own_lists(options.urls, shop, problems)
    taken = {source.name for source in sources}
    for own in options.own:
        if own.name in taken:
            problems.append(f"source {own.name}: another source has this name; give it a name of its own.")
        elif own.name in on:
            sources += _opened(own, shop, problems)
    rows = [row for row in load_catalog() if row.name in on]
    for row in rows:
        if any(own.name == row.name for own in options.own):
            problems.append(f"source {row.name}: a list of the catalogue has this name; give it a name of its own.")
    try:
        catalog = open_catalog(rows, shop)
    except ValueError as error:
        problems.append(f"sources.proxy: {error}")
    if problems:
        raise ConfigError(*problems)
    return (*sources, *catalog)


def open_named(
    text: str,
    options: SourceOptions,
    admission: AdmissionOptions,
    resolver: Resolver,
    *,
    fetcher: Fetcher | None = None,
    way_out: WayOut | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Source, ...]:
    """The sources that a name, pattern or alias means, switched off or not; or the one that a URL, path or
    ``python:module:function`` names, as in ``urls``. Raises ``ConfigError``."""
    shop = _workshop(options, admission, resolver, fetcher, way_out, environ)
    problems: list[str] = []
    named = set(_choice(options).names(text))
    sources: list[Source] = []
    for own in options.own:
        if own.name in named:
            sources += _opened(own, shop, problems)
    try:
        sources += open_catalog([row for row in load_catalog() if row.name in named], shop)
    except ValueError as error:
        problems.append(f"sources.proxy: {error}")
    if not named:
        _, spec = split_scheme(text.strip())
        if "://" in spec or spec == STDIN or spec.startswith(PYTHON) or (spec and Path(spec).expanduser().exists()):
            sources += _own_lists((text,), shop, problems)
        else:
            problems.append(_choice(options).unknown(text))
    if problems:
        raise ConfigError(*problems)
    return tuple(sources)


def open_place(
    text: str, scheme: Scheme | None, options: SourceOptions, admission: AdmissionOptions, resolver: Resolver
) -> Source:
    """What a URL, path, ``python:module:function`` or ``-`` names, as in ``urls``; ``scheme`` is claimed for entries
    that do not say. Raises ``ConfigError``."""
    problems: list[str] = []
    named, spec = split_scheme(text.strip())
    claim = named or scheme
    shop = _workshop(options, admission, resolver, None, None, None)
    sources = _own_lists((spec if claim is None else f"{claim.value}={spec}",), shop, problems)
    if problems:
        raise ConfigError(*problems)
    return sources[0]


def open_catalog(rows: Iterable[CatalogRow], shop: Workshop) -> tuple[Source, ...]:
    """These rows, read the way that ``sources.proxy`` says. Raises ``ValueError`` when that is wrong."""
    through = way(shop.options.proxy, shop)
    return tuple(
        WebSource(
            row.name,
            row.urls,
            shop.fetcher,
            SourceTerms(row.interval, Trust.PUBLIC, row.scheme, line_limit_bytes=shop.admission.line_limit_bytes),
            contacts=urlsplit(row.url).hostname or row.url,
            through=through,
        )
        for row in rows
    )


def _workshop(
    options: SourceOptions,
    admission: AdmissionOptions,
    resolver: Resolver,
    fetcher: Fetcher | None,
    way_out: WayOut | None,
    environ: Mapping[str, str] | None,
) -> Workshop:
    rules = AddressRules.from_options(admission)
    fetcher = fetcher or Fetcher(options, resolver, rules=rules)
    return Workshop(options, admission, rules, fetcher, way_out, os.environ if environ is None else environ)


def _choice(options: SourceOptions) -> Choice:
    return Choice([row.name for row in load_catalog()], load_aliases(), [own.name for own in options.own])


def names_on(options: SourceOptions, problems: list[str]) -> frozenset[str]:
    """Names of rows and tables that are switched on; what is wrong with the settings is added to ``problems``."""
    has_own = bool(options.urls or options.own)
    use_defaults = options.catalog or (options.catalog is None and not has_own and not options.enable)
    defaults = [row.name for row in load_catalog() if row.enabled and use_defaults]
    defaults += [own.name for own in options.own if own.enabled]
    on, wrong = chosen(_choice(options), defaults, enable=options.enable, disable=options.disable)
    problems += wrong
    if options.catalog is False and any(row.name in on for row in load_catalog()):
        problems.append("sources.catalog is false, but sources.enable names lists of the catalogue; drop one of them.")
    return on


def _opened(own: OwnSource, shop: Workshop, problems: list[str]) -> list[Source]:
    try:
        return [open_own(own, shop)]
    except ConfigError as error:
        problems += error.problems
        return []


def _own_lists(texts: Iterable[str], shop: Workshop, problems: list[str]) -> list[Source]:
    sources: list[Source] = []
    names: set[str] = set()
    for text in dict.fromkeys(texts):
        _, spec = split_scheme(text.strip())
        problem = _problem(spec, shop.rules)
        if problem is not None:
            problems.append(problem)
            continue
        name = unique(public_name(spec), text, names)
        names.add(name)
        sources.append(_own_list(name, text, shop))
    return sources


def _problem(spec: str, rules: AddressRules) -> str | None:
    if spec.startswith(PYTHON):
        return function_problem(spec.removeprefix(PYTHON))
    if "://" in spec:
        return url_problem(spec, rules)
    return None if spec == STDIN else path_problem(spec)


def _own_list(name: str, text: str, shop: Workshop) -> Source:
    scheme, spec = split_scheme(text.strip())
    options = shop.options
    terms = SourceTerms(options.interval, Trust.OWN, scheme, options.size_limit_bytes, shop.admission.line_limit_bytes)
    if "://" in spec:
        return WebSource(name, (spec,), shop.fetcher, terms, contacts=urlsplit(spec).hostname or spec)
    if spec.startswith(PYTHON):
        return PythonSource(
            name,
            spec.removeprefix(PYTHON),
            terms,
            folder=str(Path.cwd()),
            timeout=5.0 * options.timeout,
        )
    path = spec if spec == STDIN else str(Path(spec).expanduser())
    kind = FolderSource if spec != STDIN and Path(path).is_dir() else FileSource
    return kind(name, path, terms)
