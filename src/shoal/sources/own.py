"""From ``[[source]]`` tables to sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from shoal.domain import Proxy, Trust
from shoal.errors import ConfigError, InvalidProxyError
from shoal.options import AdmissionOptions, OwnSource, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import Source, WayOut
from shoal.sources.configured import Configured
from shoal.sources.document import SourceTerms
from shoal.sources.extract import parse_entry
from shoal.sources.fetch import Fetcher
from shoal.sources.file import FileSource
from shoal.sources.folder import FolderSource
from shoal.sources.inline import InlineSource
from shoal.sources.place import STDIN, function_problem, host_problem, path_problem, url_problem
from shoal.sources.python_function import PythonSource
from shoal.sources.secret import SecretError, credentials_of, headers_of, with_variables
from shoal.sources.through import USABLE
from shoal.sources.web import WebSource

POOL = "pool"
_WATCH_INTERVAL = 10.0
"""Seconds between looks at a file or folder: a look costs one call of the system, and an edit is wanted soon."""
_INLINE_INTERVAL = 3600.0
_RUN_TIMEOUTS = 5.0
"""Time-outs of one fetch that the pauses between an interface's calls may take: the collector ends a run after ten."""


class Workshop(Struct, frozen=True):
    """What sources are made with. ``way_out`` None: there is no pool to read through, as in ``sources test``."""

    options: SourceOptions
    admission: AdmissionOptions
    rules: AddressRules
    fetcher: Fetcher
    way_out: WayOut | None = None
    environ: Mapping[str, str] = os.environ


def open_own(own: OwnSource, shop: Workshop) -> Source:
    """The source of one table, which the settings' loader found in order. Raises ``ConfigError`` with every problem."""
    makers: dict[str, Callable[[OwnSource, Workshop], Source]] = {
        "url": _web,
        "api": _web,
        "file": _file,
        "folder": _folder,
        "stdin": _file,
        "inline": _inline,
        "python": _python,
    }
    try:
        source = makers[own.kinds[0]](own, shop)
        return Configured(source, credentials=credentials_of(own, shop.environ), tags=own.tags)
    except _Wrong as wrong:
        raise ConfigError(f"source {own.name}: {wrong}") from wrong
    except SecretError as error:
        raise ConfigError(f"source {own.name} {error}") from error


class _Wrong(ValueError):
    """A table cannot be used; the text is a sentence."""


def _web(own: OwnSource, shop: Workshop) -> Source:
    url = with_variables(own.url or own.api or "", shop.environ)
    _must(url_problem(url, shop.rules))
    pauses = own.calls * own.call_interval
    if own.api and pauses > _RUN_TIMEOUTS * shop.options.timeout:
        raise _Wrong(
            f"{own.calls} calls {own.call_interval:g} s apart take {pauses:g} s, but a run may take "
            f"{_RUN_TIMEOUTS * shop.options.timeout:g}; lower calls or call_interval, or raise sources.timeout."
        )
    headers = headers_of(own, shop.environ)
    parts = urlsplit(url)
    is_secret = bool(own.headers_env or own.headers_file or parts.username or url != (own.url or own.api))
    return WebSource(
        own.name,
        (url,) * (own.calls if own.api else 1),
        shop.fetcher,
        _terms(own, shop, shop.options.interval),
        contacts=parts.hostname or own.name,
        pause=own.call_interval,
        site_trust=Trust.OWN,
        headers=headers,
        through=way(own.proxy, shop, is_secret=is_secret and parts.scheme.lower() == "http"),
    )


def way(proxy: str | None, shop: Workshop, *, is_secret: bool = False) -> Proxy | WayOut | None:
    """What to read through, as a setting says it. Raises ``ValueError`` with a sentence. ``is_secret``: what is asked
    for shows a secret to whoever carries it."""
    if not proxy:
        return None
    if proxy == POOL:
        if is_secret:
            raise _Wrong("proxies of the pool would see its password; use https, or a proxy of your own.")
        return shop.way_out
    if "://" not in proxy:
        raise _Wrong("proxy must be 'pool' or a URL such as http://host:3128 or socks5://host:1080.")
    try:
        candidate = parse_entry(with_variables(proxy, shop.environ))
    except InvalidProxyError:
        # Its own sentence shows the text, and the text may hold a password.
        raise _Wrong("proxy is no proxy URL such as http://host:3128 or socks5://user:password@host:1080.") from None
    if candidate.scheme not in USABLE:
        raise _Wrong("proxy must speak http, socks4, socks4a or socks5.")
    _must(host_problem(candidate.endpoint.host, f"The proxy {candidate.endpoint}", shop.rules))
    return Proxy(candidate.scheme, candidate.endpoint, candidate.credentials)


def _file(own: OwnSource, shop: Workshop) -> Source:
    if own.file:
        _must(path_problem(own.file))
    return FileSource(
        own.name,
        own.file or STDIN,
        _terms(own, shop, _WATCH_INTERVAL),
    )


def _folder(own: OwnSource, shop: Workshop) -> Source:
    _must(path_problem(own.folder or ""))
    return FolderSource(
        own.name,
        own.folder or "",
        _terms(own, shop, _WATCH_INTERVAL),
    )


def _inline(own: OwnSource, shop: Workshop) -> Source:
    return InlineSource(
        own.name,
        own.inline if isinstance(own.inline, str) else "\n".join(own.inline),
        _terms(own, shop, _INLINE_INTERVAL),
    )


def _python(own: OwnSource, shop: Workshop) -> Source:
    function = (own.python or "").removeprefix("python:")
    _must(function_problem(function))
    return PythonSource(
        own.name,
        function,
        _terms(own, shop, shop.options.interval),
        folder=own.base,
        # The collector gives a run ten time-outs; the function's own error comes first.
        timeout=_RUN_TIMEOUTS * shop.options.timeout,
    )


def _terms(own: OwnSource, shop: Workshop, interval: float) -> SourceTerms:
    """What the table says, else the settings; ``interval`` is the kind's own."""
    return SourceTerms(
        own.interval or interval,
        own.trust,
        own.scheme,
        shop.options.size_limit_bytes,
        shop.admission.line_limit_bytes,
    )


def _must(problem: str | None) -> None:
    if problem is not None:
        raise _Wrong(problem)
