"""SOCKS5 as the client speaks it: RFC 1928 CONNECT with no login or RFC 1929."""

from __future__ import annotations

from typing import Final

from shoal.wire import socks5
from shoal.wire.address import check_target, is_name
from shoal.wire.errors import LocalProtocolError, Refusal
from shoal.wire.handshake import DONE, Machine, TargetAddress

_REFUSALS: Final = {
    socks5.GENERAL_FAILURE: (Refusal.BAD_STATUS, "general failure"),
    socks5.NOT_ALLOWED: (Refusal.DENIED, "not allowed by its rules"),
    socks5.NETWORK_UNREACHABLE: (Refusal.UNREACHABLE, "network unreachable"),
    socks5.HOST_UNREACHABLE: (Refusal.UNREACHABLE, "host unreachable"),
    socks5.CONNECTION_REFUSED: (Refusal.REFUSED, "connection refused by the target"),
    socks5.TTL_EXPIRED: (Refusal.UNREACHABLE, "TTL expired"),
    socks5.COMMAND_NOT_SUPPORTED: (Refusal.BAD_STATUS, "command not supported"),
    socks5.ADDRESS_NOT_SUPPORTED: (Refusal.BAD_STATUS, "address type not supported"),
}


class Socks5Client(Machine):
    """Asks a SOCKS5 proxy for a connection to a target.

    Nothing is sent ahead: the request follows the accepted method, the login its request. A name is sent as a name
    (the proxy resolves it), a literal as an address. ``bound`` is the address in the proxy's answer; a bound name
    that is not a host name reads as an empty one, since sloppy servers put anything there.

    Raises LocalProtocolError for an impossible target, or credentials that are not 1..255 bytes each.
    """

    __slots__ = ("_login", "_request", "bound")

    _protocol = "SOCKS5"

    def __init__(
        self, target_host: str, target_port: int, username: str | None = None, password: str | None = None
    ) -> None:
        check_target(target_host, target_port)
        self._request = b"\x05\x01\x00" + socks5.encode_address(target_host, target_port)
        self._login: bytes | None = None
        self.bound: TargetAddress | None = None
        if username is not None:
            self._login = socks5.encode_login(username, password or "")
        elif password is not None:
            raise LocalProtocolError("a password without a user name")
        super().__init__("method", b"\x05\x01\x00" if self._login is None else b"\x05\x02\x00\x02")

    def _read_method(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != socks5.VERSION:
            self._refuse(Refusal.MALFORMED, "the first answer is not SOCKS5")
        if len(buffer) < 2:
            return False
        method = self._take(2)[1]
        if method == socks5.NO_AUTH:
            self._outgoing += self._request
            self._state = "reply"
        elif method == socks5.USER_PASSWORD and self._login is not None:
            self._outgoing += self._login
            self._state = "login"
        elif method in (socks5.NO_ACCEPTABLE_METHOD, socks5.USER_PASSWORD):
            # A server that picks the login we did not offer says the same as 0xFF: it wants credentials.
            self._refuse(Refusal.AUTH, "the SOCKS5 proxy wants credentials or another way to log in", method)
        else:
            self._refuse(Refusal.MALFORMED, f"the SOCKS5 proxy chose method {method}, which was not offered", method)
        return True

    def _read_login(self) -> bool:
        buffer = self._buffer
        # RFC 1929 says 1; servers that echo the SOCKS version are common enough to be taken at their second byte.
        if buffer and buffer[0] not in (socks5.LOGIN_VERSION, socks5.VERSION):
            self._refuse(Refusal.MALFORMED, "the answer to the login is not RFC 1929")
        if len(buffer) < 2:
            return False
        status = self._take(2)[1]
        if status != 0:
            self._refuse(Refusal.AUTH, "the SOCKS5 proxy refused the credentials", status)
        self._outgoing += self._request
        self._state = "reply"
        return True

    def _read_reply(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != socks5.VERSION:
            self._refuse(Refusal.MALFORMED, "the reply is not SOCKS5")
        if len(buffer) < 2:
            return False
        code = buffer[1]
        if code != socks5.SUCCEEDED:
            # Two bytes settle it: many servers close without sending the rest of a refusal.
            refusal, words = _REFUSALS.get(code, (Refusal.BAD_STATUS, "a reply code outside RFC 1928"))
            self._refuse(refusal, f"the SOCKS5 proxy answered {code}: {words}", code)
        if len(buffer) < 4:
            return False
        size = socks5.address_size(buffer, 3)
        if size == 0:
            self._refuse(Refusal.MALFORMED, f"the SOCKS5 reply has address type {buffer[3]}")
        if size is None or len(buffer) < 3 + size:
            return False
        field = self._take(3 + size)[3:]
        host, port = socks5.decode_address(field)
        self.bound = ("" if field[0] == socks5.NAME and not is_name(host) else host, port)
        self._state = DONE
        return True

    _steps = {"method": _read_method, "login": _read_login, "reply": _read_reply}  # noqa: RUF012
