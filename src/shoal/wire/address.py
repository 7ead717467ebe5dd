"""Hosts and ports as the handshakes write them."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from shoal.wire.errors import LocalProtocolError

NAME_LIMIT_BYTES: Final = 255
"""RFC 1035 section 2.3.4, and what the one length byte of SOCKS5 can say."""

_NAME: Final = re.compile(r"[0-9A-Za-z_.\-]{1,255}", re.ASCII)


def check_target(host: str, port: int) -> IPv4Address | IPv6Address | None:
    """The address that a literal host stands for, or None for a name.

    Raises LocalProtocolError for a port outside 1..65535, an IPv6 zone, or what is neither literal nor ASCII name
    (an international name must arrive as its A-label): nothing that could break out of a head or a field.
    """
    if not 1 <= port <= 65535:
        raise LocalProtocolError(f"port {port} is not in 1..65535")
    return check_host(host)


def check_host(host: str) -> IPv4Address | IPv6Address | None:
    """As ``check_target``, without the port."""
    try:
        if ":" in host:
            if "%" in host:
                raise LocalProtocolError(f"an IPv6 zone means nothing to a proxy: {host!r}")
            return IPv6Address(host)
        # Only what ends in a digit can be an IPv4 literal: spares names the price of an exception.
        if host[-1:].isdigit():
            return IPv4Address(host)
    except LocalProtocolError:
        raise
    except ValueError:
        pass
    if not is_name(host):
        raise LocalProtocolError(f"not an address and not a host name: {host!r}")
    return None


def is_name(host: str) -> bool:
    """Whether the text can stand as a name in a request: letters, digits, ``_``, ``-`` and dots, 1..255 of them."""
    return _NAME.fullmatch(host) is not None


def authority(host: str, port: int) -> str:
    """``host:port`` with brackets around an IPv6 literal, as CONNECT and Host want it (RFC 9112 section 3.2.3)."""
    literal = check_target(host, port)
    return f"[{host}]:{port}" if isinstance(literal, IPv6Address) else f"{host}:{port}"
