"""Why a text or a candidate was not let in: counted and shown per source."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Refused(StrEnum):
    """Reasons in the order in which they are tested."""

    TOO_LONG = "too_long"
    """A line or document longer than its bound."""
    MALFORMED = "malformed"
    """No address and port can be read from it (also NULs and control characters)."""
    BAD_ADDRESS = "bad_address"
    """Looks like an address but is none: 999.1.1.1, 0177.0.0.1, 0x7f.1."""
    BAD_PORT = "bad_port"
    """Port 0, above 65535, or not a number (8O80)."""
    LOOPBACK = "loopback"
    PRIVATE = "private"
    """RFC 1918, RFC 6598 (100.64/10), fc00::/7, and names such as localhost or *.internal."""
    LINK_LOCAL = "link_local"
    """169.254/16 (cloud metadata lives there) and fe80::/10."""
    MULTICAST = "multicast"
    RESERVED = "reserved"
    """0/8, 240/4, documentation and benchmarking ranges, and IPv6 forms that embed an IPv4 address."""
    DENIED = "denied"
    """On the user's deny list."""
    OURSELVES = "ourselves"
    """A port of this pool."""
    DUPLICATE = "duplicate"
    """Already read in this round."""
    HOST_CAP = "host_cap"
    """More ports on one public host than allowed: a poisoned list must not make us a port scanner."""
    NET_CAP = "net_cap"
    """More entries in one public /24 (or IPv6 /48) than allowed."""
    TOMBSTONE = "tombstone"
    """Deleted or popped lately; only an import lifts that."""
    FULL = "full"
    """The pool holds as many records as it may."""


REFUSAL_WORDS: Final[dict[str, str]] = {
    "too_long": "line too long",
    "malformed": "no proxy in it",
    "bad_address": "bad address",
    "bad_port": "bad port",
    "loopback": "loopback",
    "private": "private network",
    "link_local": "link-local",
    "multicast": "multicast",
    "reserved": "reserved network",
    "denied": "on the deny list",
    "ourselves": "a port of this pool",
    "duplicate": "duplicate",
    "host_cap": "too many ports on one host",
    "net_cap": "too many in one network",
    "tombstone": "deleted lately",
    "full": "no room",
}
"""Reasons as people say them."""
