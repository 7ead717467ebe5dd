"""Where candidates come from, and which of them are let in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from shoal.domain import Scheme, Trust
from shoal.options.units import Seconds


class OwnSource(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ``[[source]]`` table of the settings file. Exactly one of ``url`` to ``python`` says where it is read."""

    name: Annotated[str, Meta(description="Its name, unique; shown beside every proxy that came from it.")]
    url: Annotated[str | None, Meta(description="A list behind an http(s) URL. `${NAME}` stands for a variable.")] = (
        None
    )
    file: Annotated[str | None, Meta(description="A list in a file, read again when it changes.")] = None
    folder: Annotated[str | None, Meta(description="Every file in a folder, read again when one changes.")] = None
    stdin: Annotated[bool, Meta(description="A list on standard input, read once.")] = False
    inline: Annotated[
        str | tuple[str, ...], Meta(description="The entries themselves: a text or a list of texts.")
    ] = ()
    api: Annotated[
        str | None, Meta(description="An interface that gives one proxy, or a few, a call. `${NAME}` as in `url`.")
    ] = None
    python: Annotated[
        str | None, Meta(description="`module:function`, yielding texts or Candidates; sync or async.")
    ] = None
    enabled: Annotated[bool, Meta(description="`false` keeps the table but does not read it.")] = True
    scheme: Annotated[Scheme | None, Meta(description="What its entries are where they do not say.")] = None
    trust: Annotated[
        Trust, Meta(description="`own`: never capped, never expires; `public`: as lists of the catalogue.")
    ] = Trust.OWN
    tier: Annotated[int, Meta(ge=0, le=99, description="Picks look at lower tiers first; the catalogue has 50.")] = 0
    interval: Annotated[
        Seconds | None,
        Meta(description="Read again this often (seconds); default: `sources.interval`, files and folders 10."),
    ] = None
    max_in_flight: Annotated[
        int | None, Meta(description="Requests in flight through all its proxies together; default: no bound.")
    ] = None
    min_interval: Annotated[
        Seconds,
        Meta(ge=0, description="Seconds between two requests through one of its proxies to one target."),
    ] = 0.0
    check_interval: Annotated[
        Seconds | None, Meta(description="Its proxies are not checked more often than this (seconds).")
    ] = None
    byte_budget: Annotated[
        int | None, Meta(description="Bytes a UTC day through its proxies, checks and use together; default: no bound.")
    ] = None
    fetch_budget_bytes: Annotated[
        int | None, Meta(description="Bytes a UTC day for reading the list itself; default: the `[sources]` setting.")
    ] = None
    tags: Annotated[tuple[str, ...], Meta(description="Tags that its proxies get.")] = ()
    credentials_env: Annotated[
        str | None, Meta(description="Variable that holds `user:password` for entries that carry none.")
    ] = None
    credentials_file: Annotated[str | None, Meta(description="File that holds them.")] = None
    headers: Annotated[dict[str, str], Meta(description="Request headers that are no secret.")] = {}
    headers_env: Annotated[dict[str, str], Meta(description="Request headers, by the variable that holds each.")] = {}
    headers_file: Annotated[dict[str, str], Meta(description="Request headers, by the file that holds each.")] = {}
    proxy: Annotated[
        str | None,
        Meta(
            description="Read it through a proxy: an http, socks4, socks4a or socks5 URL, or `pool` (only what fails directly)."
        ),
    ] = None
    calls: Annotated[int, Meta(ge=1, le=1000, description="`api`: calls a run; a repeat ends the run.")] = 10
    call_interval: Annotated[Seconds, Meta(ge=0, description="`api`: seconds between calls.")] = 1.0
    base: str = ""
    """Folder of the settings file, where Python modules are looked for. Set by whoever reads the file."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which of the places are named: fit for use when there is exactly one."""
        return tuple(kind for kind in SOURCE_KINDS if getattr(self, kind))


SOURCE_KINDS = ("url", "file", "folder", "stdin", "inline", "api", "python")


class SourceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where candidates come from."""

    urls: Annotated[
        tuple[str, ...],
        Meta(
            description="The user's own lists: URLs, files, folders, `python:module:function`. Naming any replaces the catalogue."
        ),
    ] = ()
    catalog: Annotated[
        bool | None, Meta(description="Use the built-in catalogue; default: only when no own list is named.")
    ] = None
    enable: Annotated[
        tuple[str, ...],
        Meta(
            description="Catalogue rows to read, by name, pattern (`spys-*`) or proxy_pool's name; only these unless catalog is true."
        ),
    ] = ()
    disable: Annotated[
        tuple[str, ...], Meta(description="Sources not to read: rows as in enable, and names of own ones.")
    ] = ()
    proxy: Annotated[
        str | None,
        Meta(
            description="How the catalogue is read: through an http, socks4, socks4a or socks5 URL; `pool`: directly, and through the pool what fails."
        ),
    ] = None
    own: tuple[OwnSource, ...] = ()
    """The ``[[source]]`` tables."""
    interval: Annotated[Seconds, Meta(gt=0, description="How often own lists are read again (seconds).")] = 300.0
    timeout: Annotated[Seconds, Meta(gt=0, description="One fetch of one page (seconds).")] = 30.0
    size_limit_bytes: Annotated[int, Meta(ge=1024, description="Longest document after decompression.")] = 67_108_864
    redirects: Annotated[int, Meta(ge=0, le=20, description="Redirects followed.")] = 5
    concurrency: Annotated[int, Meta(ge=1, le=100, description="Sources read at once.")] = 8
    fetch_budget_bytes: Annotated[
        int, Meta(ge=1024, description="Bytes that each source may cost the network a UTC day.")
    ] = 2_147_483_648


class AdmissionOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """What may enter the pool and be dialled."""

    allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Networks (CIDR) opened for judges, sources and the user's own proxies, never for what a public list names."
        ),
    ] = ()
    allow_public: Annotated[
        tuple[str, ...], Meta(description="Networks opened for public lists too. For the lab only.")
    ] = ()
    deny: Annotated[tuple[str, ...], Meta(description="Networks (CIDR) or host names that are never dialled.")] = ()
    deny_file: Annotated[
        str | None,
        Meta(description="File with more of them, one a line; `#` begins a remark. Read when the pool starts."),
    ] = None
    ports_per_host: Annotated[int, Meta(ge=1, description="Public candidates on one host.")] = 5
    hosts_per_net: Annotated[int, Meta(ge=1, description="Public candidates in one /24.")] = 20
    capacity: Annotated[int, Meta(ge=1, description="Public records kept at most.")] = 2_000_000
    line_limit_bytes: Annotated[int, Meta(ge=64, description="Longest line or cell that is looked at.")] = 4096
