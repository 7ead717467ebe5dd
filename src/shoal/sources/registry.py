"""From settings to sources."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from shoal.domain import Refused, Scheme, Trust
from shoal.domain.address import canonical_host, is_ip
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions, SourceOptions
from shoal.policy.address_rules import AddressRules
from shoal.ports import Resolver, Source
from shoal.sources.catalog import CatalogRow, load_catalog
from shoal.sources.fetch import Fetcher
from shoal.sources.file import STDIN, FileSource
from shoal.sources.web import WebSource

_SECRET_PARAMETERS = ("key", "token", "secret", "pass", "auth", "sign", "user", "order")


def open_sources(
    options: SourceOptions, admission: AdmissionOptions, resolver: Resolver, *, fetcher: Fetcher | None = None
) -> tuple[Source, ...]:
    """The user's own lists (trust OWN); the catalogue (trust PUBLIC) where none is named or ``catalog`` asks for it.

    An entry of ``urls`` is an http(s) URL, a file, or ``-`` for standard input. ``SCHEME=`` before it says what its
    entries are where they do not say themselves: ``socks5=https://host/list.txt``, ``http=proxies.txt``.
    Raises ``ConfigError`` with everything that is wrong with them.
    """
    fetcher = fetcher or Fetcher(options, resolver)
    rules = AddressRules.from_options(admission)
    problems: list[str] = []
    sources: list[Source] = []
    names: set[str] = set()
    for text in dict.fromkeys(options.urls):
        scheme, spec = _split_scheme(text.strip())
        problem = _url_problem(spec, rules) if "://" in spec else _file_problem(spec)
        if problem is not None:
            problems.append(problem)
            continue
        name = _unique(_public_name(spec), text, names)
        names.add(name)
        if "://" in spec:
            sources.append(_own_web(name, spec, scheme, options, admission, fetcher))
        else:
            sources.append(_own_file(name, spec, scheme, options, admission))
    if problems:
        raise ConfigError(*problems)
    if options.catalog or (options.catalog is None and not options.urls):
        sources += open_catalog(load_catalog(), admission, fetcher)
    return tuple(sources)


def open_catalog(rows: Sequence[CatalogRow], admission: AdmissionOptions, fetcher: Fetcher) -> tuple[Source, ...]:
    """The rows that are switched on."""
    return tuple(
        WebSource(
            row.name,
            row.urls,
            fetcher,
            trust=Trust.PUBLIC,
            interval=row.interval,
            contacts=urlsplit(row.url).hostname or row.url,
            scheme=row.scheme,
            line_limit_bytes=admission.line_limit_bytes,
        )
        for row in rows
        if row.enabled
    )


def _own_web(
    name: str, url: str, scheme: Scheme | None, options: SourceOptions, admission: AdmissionOptions, fetcher: Fetcher
) -> Source:
    return WebSource(
        name,
        (url,),
        fetcher,
        trust=Trust.OWN,
        interval=options.interval,
        contacts=urlsplit(url).hostname or url,
        scheme=scheme,
        line_limit_bytes=admission.line_limit_bytes,
    )


def _own_file(
    name: str, path: str, scheme: Scheme | None, options: SourceOptions, admission: AdmissionOptions
) -> Source:
    return FileSource(
        name,
        path if path == STDIN else str(Path(path).expanduser()),
        interval=options.interval,
        scheme=scheme,
        size_limit_bytes=options.size_limit_bytes,
        line_limit_bytes=admission.line_limit_bytes,
    )


def _split_scheme(text: str) -> tuple[Scheme | None, str]:
    head, equals, rest = text.partition("=")
    if equals and head.lower() in set(Scheme):
        return Scheme(head.lower()), rest.strip()
    return None, text


def _file_problem(path: str) -> str | None:
    if path == STDIN:
        return None
    if not path:
        return "A source is empty; name a URL or a file."
    file = Path(path).expanduser()
    if file.is_dir():
        return f"{path} is a folder; name the files in it."
    if not file.exists():
        return f"{path} does not exist; name a file that does, or a URL that begins with http:// or https://."
    return None


def _url_problem(url: str, rules: AddressRules) -> str | None:
    shown = _public_name(url)
    try:
        parts = urlsplit(url)
        name, _ = parts.hostname, parts.port
    except ValueError:
        return f"{shown} cannot be understood as a URL."
    if parts.scheme.lower() not in ("http", "https"):
        return f"{shown} cannot be read; sources are http and https URLs or files."
    host = canonical_host(name or "")
    if isinstance(host, Refused):
        return f"{shown} does not name a host that can be asked."
    why = rules.refusal(host, Trust.OWN)
    if why is None:
        return None
    if why is Refused.DENIED:
        return f"{shown}: {host} is on your deny list."
    if why is Refused.LOOPBACK and ":" not in host:
        opens = "127.0.0.0/8"
    elif is_ip(host):
        opens = f"{host}/128" if ":" in host else f"{host}/32"
    else:
        opens = "127.0.0.0/8 (or the network it lies in)"
    return f"{shown}: {host} is a {why.value.replace('_', '-')} address; add --allow {opens} if it is yours."


def _public_name(spec: str) -> str:
    """The specification as it may be shown and logged: without password, and without what looks like a token."""
    if "://" not in spec:
        return "stdin" if spec == STDIN else spec
    try:
        parts = urlsplit(spec)
        host = parts.netloc.rpartition("@")[2]
        return SplitResult(parts.scheme, host, parts.path, _public_query(parts.query), "").geturl()
    except ValueError:
        return spec.partition("://")[0] + "://…"


def _public_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    hidden = [
        (key, "***" if any(word in key.lower() for word in _SECRET_PARAMETERS) else value) for key, value in pairs
    ]
    return urlencode(hidden, quote_via=quote, safe="*,:/") if pairs else query


def _unique(name: str, text: str, taken: set[str]) -> str:
    """Two lists that differ only in what is hidden still need two names, the same ones after each start."""
    return f"{name}#{hashlib.blake2b(text.encode(), digest_size=3).hexdigest()}" if name in taken else name
