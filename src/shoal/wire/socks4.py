"""SOCKS4 and SOCKS4a, both roles (the two memos of NEC and of Ying-Da Lee; there is no RFC)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from shoal.wire.address import NAME_LIMIT_BYTES, check_target, is_name
from shoal.wire.errors import LocalProtocolError, Refusal
from shoal.wire.handshake import DONE, FAILED, Machine, TargetAddress

CONNECT: Final = 1
BIND: Final = 2

GRANTED: Final = 90
REJECTED: Final = 91
NO_IDENTD: Final = 92
IDENTD_MISMATCH: Final = 93

USER_ID_LIMIT_BYTES: Final = 255
"""The memos name no bound. This is the one of RFC 1929, so that one user name fits both versions."""

_REFUSALS: Final = {
    REJECTED: (Refusal.DENIED, "rejected or failed"),
    NO_IDENTD: (Refusal.AUTH, "no identd on the client"),
    IDENTD_MISMATCH: (Refusal.AUTH, "the user id is not the one identd tells"),
}


class Socks4Client(Machine):
    """Asks a SOCKS4 proxy for a connection: an IPv4 literal as SOCKS4, a name as SOCKS4a.

    ``bound`` is the address in the proxy's answer, ``sloppy_version`` whether the answer's first byte was 4 where
    the memo has 0: such servers are accepted, because they then do work.

    Raises LocalProtocolError for an IPv6 literal, which SOCKS4 cannot carry, and for a user id with a NUL byte.
    """

    __slots__ = ("bound", "sloppy_version")

    _protocol = "SOCKS4"

    def __init__(self, target_host: str, target_port: int, user_id: str | None = None) -> None:
        literal = check_target(target_host, target_port)
        user = (user_id or "").encode("utf-8", "surrogatepass")
        if b"\0" in user or len(user) > USER_ID_LIMIT_BYTES:
            raise LocalProtocolError("a SOCKS4 user id has at most 255 bytes and no NUL")
        if isinstance(literal, IPv6Address):
            raise LocalProtocolError("SOCKS4 cannot carry an IPv6 address")
        if literal is None:
            address, name = b"\0\0\0\x01", target_host.encode("ascii") + b"\0"
        else:
            address, name = literal.packed, b""
            if address[:3] == b"\0\0\0":
                raise LocalProtocolError(f"{target_host} would read as a SOCKS4a name")
        self.bound: TargetAddress | None = None
        self.sloppy_version = False
        super().__init__("reply", b"\x04\x01" + target_port.to_bytes(2, "big") + address + user + b"\0" + name)

    def _read_reply(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] not in (0, 4):
            self._refuse(Refusal.MALFORMED, "the answer is not SOCKS4")
        if len(buffer) < 2:
            return False
        code = buffer[1]
        if code != GRANTED:
            # Two bytes settle it: some servers close without sending the rest of a refusal.
            refusal, words = _REFUSALS.get(code, (Refusal.BAD_STATUS, "a code outside SOCKS4"))
            self._refuse(refusal, f"the SOCKS4 proxy answered {code}: {words}", code)
        if len(buffer) < 8:
            return False
        answer = self._take(8)
        self.sloppy_version = answer[0] != 0
        self.bound = (str(IPv4Address(answer[4:8])), int.from_bytes(answer[2:4], "big"))
        self._state = DONE
        return True

    _steps = {"reply": _read_reply}  # noqa: RUF012


@dataclass(frozen=True, slots=True)
class Socks4Request:
    """What a client asks for. ``command`` is 1 CONNECT, 2 BIND, or any other byte it sent."""

    command: int
    host: str
    port: int
    user_id: str
    is_4a: bool


class Socks4Server(Machine):
    """Answers one SOCKS4 or 4a client: when ``request`` is there, call ``reply``."""

    __slots__ = ("request",)

    _protocol = "SOCKS4"

    def __init__(self) -> None:
        super().__init__("request")
        self.request: Socks4Request | None = None

    def reply(self, granted: bool, bound: TargetAddress = ("0.0.0.0", 0)) -> None:
        """Answer the request: True opens the tunnel; after False send what is left and close.

        Raises LocalProtocolError when no request is waiting or ``bound`` is not IPv4.
        """
        self._expect("decide")
        try:
            address = IPv4Address(bound[0]).packed + b""
            port = bound[1].to_bytes(2, "big")
        except (ValueError, OverflowError) as error:
            raise LocalProtocolError(f"SOCKS4 cannot say that it is bound to {bound}") from error
        self._outgoing += bytes((0, GRANTED if granted else REJECTED)) + port + address
        self._state = DONE if granted else FAILED

    def _read_request(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != 4:
            self._refuse(Refusal.MALFORMED, "the client does not speak SOCKS4")
        if len(buffer) < 9:
            return False
        user_end = self._field_end(8, USER_ID_LIMIT_BYTES)
        if user_end is None:
            return False
        is_4a = buffer[4:7] == b"\0\0\0" and buffer[7] != 0
        end = user_end
        if is_4a:
            name_end = self._field_end(user_end + 1, NAME_LIMIT_BYTES)
            if name_end is None:
                return False
            end = name_end
        raw = self._take(end + 1)
        host = raw[user_end + 1 : end].decode("latin-1") if is_4a else str(IPv4Address(raw[4:8]))
        if is_4a and not is_name(host):
            self._refuse(Refusal.MALFORMED, "the requested host is not a name")
        user_id = raw[8:user_end].decode("utf-8", "replace")
        self.request = Socks4Request(raw[1], host, int.from_bytes(raw[2:4], "big"), user_id, is_4a)
        self._state = "decide"
        return True

    def _field_end(self, start: int, limit: int) -> int | None:
        """Where the NUL that ends a field is; None if it has not come yet."""
        end = self._buffer.find(0, start, start + limit + 1)
        if end >= 0:
            return end
        if len(self._buffer) > start + limit:
            self._refuse(Refusal.LIMIT, f"a SOCKS4 field is longer than {limit} bytes")
        return None

    _steps = {"request": _read_request}  # noqa: RUF012
