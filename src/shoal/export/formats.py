"""The forms by name, and what they are called in HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from shoal.domain import Pick
from shoal.export import clients, lists


class Format(StrEnum):
    """Names as users write them."""

    TXT = "txt"
    """A proxy URL a line."""
    PLAIN = "plain"
    """HOST:PORT a line."""
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    CLASH = "clash"
    """A provider of mihomo and Clash."""
    SING_BOX = "sing-box"
    PROXYCHAINS = "proxychains"
    PAC = "pac"
    CURL = "curl"
    HAPROXY = "haproxy"
    ENV = "env"
    """http_proxy and its kin, a line each."""


_WRITERS: Final[dict[Format, tuple[Callable[[Sequence[Pick], bool], str], str]]] = {
    Format.TXT: (lists.urls, "text/plain"),
    Format.PLAIN: (lists.endpoints, "text/plain"),
    Format.JSON: (lists.json, "application/json"),
    Format.JSONL: (lists.jsonl, "application/jsonl"),
    Format.CSV: (lists.csv, "text/csv"),
    Format.CLASH: (clients.clash, "application/yaml"),
    Format.SING_BOX: (clients.sing_box, "application/json"),
    Format.PROXYCHAINS: (clients.proxychains, "text/plain"),
    Format.PAC: (clients.pac, "application/x-ns-proxy-autoconfig"),
    Format.CURL: (clients.curl, "text/plain"),
    Format.HAPROXY: (clients.haproxy, "text/plain"),
    Format.ENV: (clients.env, "text/plain"),
}


def export(picks: Sequence[Pick], format: Format, *, secrets: bool = False) -> str:
    """``picks`` in their order as one document, each path that the form can say.

    Without ``secrets`` lists show ``***`` for a password, and forms that programs read leave out what needs one.
    """
    return _WRITERS[format][0](picks, secrets)


def content_type(format: Format) -> str:
    """The media type."""
    return _WRITERS[format][1]
