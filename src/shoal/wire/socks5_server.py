"""SOCKS5 as the server speaks it: reads the request, leaves every decision to the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shoal.wire import socks5
from shoal.wire.address import is_name
from shoal.wire.errors import LocalProtocolError, Refusal
from shoal.wire.handshake import DONE, FAILED, Machine, TargetAddress


@dataclass(frozen=True, slots=True)
class Socks5Request:
    """What a client asks for. ``command`` is 1 CONNECT, 2 BIND, 3 UDP ASSOCIATE, or any other byte it sent."""

    command: int
    host: str
    port: int
    username: str | None = None
    password: str | None = None


class Socks5Server(Machine):
    """Answers one SOCKS5 client.

    ``pending`` says which decision is due: ``"auth"`` (read ``username`` and ``password``, call ``accept_auth``),
    ``"request"`` (read ``request``, call ``reply``) or None. A client that offers RFC 1929 is asked for its
    credentials even if they are not required, because users put parameters into them. Credentials are decoded as
    UTF-8 with replacement characters, and may be empty or hold control characters: compare them, never print them.

    When ``receive_data`` raises, ``data_to_send`` may still hold the answer that tells the client why.
    """

    __slots__ = ("_require_auth", "password", "request", "username")

    _protocol = "SOCKS5"

    def __init__(self, require_auth: bool = False) -> None:
        super().__init__("greeting")
        self._require_auth = require_auth
        self.username: str | None = None
        self.password: str | None = None
        self.request: Socks5Request | None = None

    @property
    def pending(self) -> Literal["auth", "request"] | None:
        """The decision that the client waits for."""
        if self._state == "decide_auth":
            return "auth"
        return "request" if self._state == "decide_request" else None

    def accept_auth(self, ok: bool) -> None:
        """Answer the credentials. After False send what is left and close.

        Raises LocalProtocolError unless ``pending`` is ``"auth"``, and RemoteProtocolError for what the client
        sent ahead if that is malformed.
        """
        self._expect("decide_auth")
        self._outgoing += b"\x01\x00" if ok else b"\x01\x01"
        self._state = "request" if ok else FAILED
        if ok:
            self._run()

    def reply(self, code: int, bound: TargetAddress = ("0.0.0.0", 0)) -> None:
        """Answer the request: 0 opens the tunnel, anything else (RFC 1928 section 6) ends it: send, then close.

        Raises LocalProtocolError unless ``pending`` is ``"request"``.
        """
        self._expect("decide_request")
        if not 0 <= code <= 255 or not 0 <= bound[1] <= 65535:
            raise LocalProtocolError(f"reply {code} with bound port {bound[1]} does not fit its bytes")
        self._outgoing += bytes((socks5.VERSION, code, 0)) + socks5.encode_address(*bound)
        self._state = DONE if code == socks5.SUCCEEDED else FAILED

    def _read_greeting(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != socks5.VERSION:
            self._refuse(Refusal.MALFORMED, "the client does not speak SOCKS5")
        if len(buffer) < 2 or len(buffer) < 2 + buffer[1]:
            return False
        methods = self._take(2 + buffer[1])[2:]
        if socks5.USER_PASSWORD in methods:
            self._outgoing += b"\x05\x02"
            self._state = "login"
        elif socks5.NO_AUTH in methods and not self._require_auth:
            self._outgoing += b"\x05\x00"
            self._state = "request"
        else:
            self._outgoing += b"\x05\xff"
            self._refuse(Refusal.AUTH, "the client offers no way to log in that is accepted here")
        return True

    def _read_login(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != socks5.LOGIN_VERSION:
            self._refuse(Refusal.MALFORMED, "the client's login is not RFC 1929")
        if len(buffer) < 2 or len(buffer) < 3 + buffer[1]:
            return False
        user_end = 2 + buffer[1]
        end = user_end + 1 + buffer[user_end]
        if len(buffer) < end:
            return False
        login = self._take(end)
        self.username = login[2:user_end].decode("utf-8", "replace")
        self.password = login[user_end + 1 :].decode("utf-8", "replace")
        self._state = "decide_auth"
        return True

    def _read_request(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != socks5.VERSION:
            self._refuse(Refusal.MALFORMED, "the client's request is not SOCKS5")
        if len(buffer) < 4:
            return False
        size = socks5.address_size(buffer, 3)
        if size == 0:
            self._answer_and_refuse(socks5.ADDRESS_NOT_SUPPORTED, f"address type {buffer[3]} does not exist")
        if size is None or len(buffer) < 3 + size:
            return False
        raw = self._take(3 + size)
        host, port = socks5.decode_address(raw[3:])
        if raw[3] == socks5.NAME and not is_name(host):
            self._answer_and_refuse(socks5.GENERAL_FAILURE, "the requested host is not a name")
        self.request = Socks5Request(raw[1], host, port, self.username, self.password)
        self._state = "decide_request"
        return True

    def _answer_and_refuse(self, code: int, message: str) -> None:
        self._outgoing += bytes((socks5.VERSION, code, 0)) + socks5.encode_address("0.0.0.0", 0)
        self._refuse(Refusal.MALFORMED, message, code)

    _steps = {"greeting": _read_greeting, "login": _read_login, "request": _read_request}  # noqa: RUF012
