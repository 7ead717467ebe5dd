"""What both roles of SOCKS5 share: the numbers and the address field of RFC 1928, the login of RFC 1929."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from shoal.wire.address import check_host
from shoal.wire.errors import LocalProtocolError
from shoal.wire.handshake import TargetAddress

VERSION: Final = 5
LOGIN_VERSION: Final = 1

NO_AUTH: Final = 0
USER_PASSWORD: Final = 2
NO_ACCEPTABLE_METHOD: Final = 0xFF

CONNECT: Final = 1
BIND: Final = 2
UDP_ASSOCIATE: Final = 3

SUCCEEDED: Final = 0
GENERAL_FAILURE: Final = 1
NOT_ALLOWED: Final = 2
NETWORK_UNREACHABLE: Final = 3
HOST_UNREACHABLE: Final = 4
CONNECTION_REFUSED: Final = 5
TTL_EXPIRED: Final = 6
COMMAND_NOT_SUPPORTED: Final = 7
ADDRESS_NOT_SUPPORTED: Final = 8

IPV4: Final = 1
NAME: Final = 3
IPV6: Final = 4

CREDENTIAL_LIMIT_BYTES: Final = 255
"""RFC 1929 section 2: one length byte each."""


def encode_address(host: str, port: int) -> bytes:
    """ATYP, address and port. Raises LocalProtocolError for what is neither a literal nor a name."""
    literal = check_host(host)
    if literal is None:
        head = bytes((NAME, len(host))) + host.encode("ascii")
    elif isinstance(literal, IPv4Address):
        head = b"\x01" + literal.packed
    else:
        head = b"\x04" + literal.packed
    return head + port.to_bytes(2, "big")


def address_size(buffer: bytearray, start: int) -> int | None:
    """Bytes from ATYP at ``start`` to the end of the port. None: the name's length has not arrived; 0: no such ATYP."""
    kind = buffer[start]
    if kind == IPV4:
        return 7
    if kind == IPV6:
        return 19
    if kind != NAME:
        return 0
    return buffer[start + 1] + 4 if len(buffer) > start + 1 else None


def decode_address(field: bytes) -> TargetAddress:
    """The inverse of ``encode_address`` for a complete field. A name is decoded as Latin-1: check before use."""
    kind = field[0]
    if kind == IPV4:
        host = str(IPv4Address(field[1:5]))
    elif kind == IPV6:
        host = str(IPv6Address(field[1:17]))
    else:
        host = field[2:-2].decode("latin-1")
    return host, int.from_bytes(field[-2:], "big")


def encode_login(username: str, password: str) -> bytes:
    """The message of RFC 1929. Raises LocalProtocolError unless both are 1..255 bytes of UTF-8."""
    user, secret = username.encode("utf-8", "surrogatepass"), password.encode("utf-8", "surrogatepass")
    for label, field in (("user name", user), ("password", secret)):
        if not 1 <= len(field) <= CREDENTIAL_LIMIT_BYTES:
            raise LocalProtocolError(f"a SOCKS5 {label} has 1 to 255 bytes, this one has {len(field)}")
    return bytes((LOGIN_VERSION, len(user))) + user + bytes((len(secret),)) + secret
