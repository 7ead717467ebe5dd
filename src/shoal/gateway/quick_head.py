"""The usual case of heads, read and written in a few steps: whatever is not quite usual is left to the full readers.

Nothing is accepted here that they would refuse, and nothing leaves here that they would write differently.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from shoal.gateway.demand import Demand
from shoal.gateway.http_request import PlainRequest
from shoal.gateway.users import User
from shoal.policy.gateway_params import GatewayParams
from shoal.wire import Framing, encode_request_head

_LINE: Final = re.compile(rb"GET http://([^:@\[\]/?#\x00- \x7f-\xff]+(?::[0-9]{1,5})?)(/[!-\"$-~]*) HTTP/1\.1")
_ANSWER: Final = re.compile(
    rb"HTTP/1\.1 (?:2(?!04)[0-9]{2}|3(?!04)[0-9]{2}) [\t -~\x80-\xff]*\r\n"
    rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n)*"
)
_ODD: Final = re.compile(
    rb"\r\n(?:(?:connection|keep-alive|proxy-[^:]*|te|trailer|transfer-encoding|upgrade|x-shoal-[^:]*):"
    rb"|content-length:(?![ \t]*[0-9]{1,18}[ \t]*\r\n))",
    re.IGNORECASE,
)
_KEPT: Final = re.compile(
    rb"\r\n(?:(?:proxy-)?connection:[ \t]*keep-alive[ \t]*|keep-alive:[^\r\n]*)(?=\r\n)", re.IGNORECASE
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_FIELDS_LIMIT_BYTES: Final = 4096
_DEMANDS: Final = 64


class QuickFields:
    """A block of header fields that was read and judged before: what it means, and what goes on of it."""

    __slots__ = ("demands", "out", "params", "user")

    def __init__(self, user: User, params: GatewayParams, out: bytes) -> None:
        self.user = user
        self.params = params
        self.out = out
        self.demands: dict[bytes, Demand] = {}
        """By the authority as the client writes it."""

    def remember(self, authority: bytes, demand: Demand) -> None:
        if len(self.demands) >= _DEMANDS:
            self.demands.clear()
        self.demands[authority] = demand


class QuickRequest(Struct, frozen=True, gc=False):
    """``fields`` is everything behind the request line."""

    authority: bytes
    path: bytes
    fields: bytes


def split_request(data: bytes) -> QuickRequest | None:
    """A GET without a body whose head is all there is; None for anything else."""
    if not data.endswith(b"\r\n\r\n") or len(data) > _FIELDS_LIMIT_BYTES or data.find(b"\r\n\r\n") != len(data) - 4:
        return None
    line, _, fields = data.partition(b"\r\n")
    match = _LINE.fullmatch(line)
    return None if match is None else QuickRequest(match[1], match[2], fields)


def quick_fields(request: PlainRequest, user: User, params: GatewayParams) -> QuickFields | None:
    """What can be remembered of a request that the full reader took; None where the next may have to differ."""
    if (
        request.method != "GET"
        or request.body.framing is not Framing.NONE
        or request.upgrade is not None
        or not request.keep_alive
        or request.connection_login
        or params.session is not None
    ):
        return None
    # Written by the full writer, so that it is checked as everything is; the line is cut off again.
    whole = encode_request_head("GET", "/", request.headers)
    return QuickFields(user, params, whole.partition(b"\r\n")[2])


def request_bytes(base: bytes, path: bytes, authority: bytes, login: bytes, out: bytes) -> bytes:
    """The head for the next hop. ``base`` is empty inside a tunnel, ``login`` a whole line or empty."""
    return b"GET %b%b HTTP/1.1\r\nHost: %b\r\n%b%b" % (base, path, authority, login, out)


def split_answer(head: bytes) -> tuple[int, bytes] | None:
    """Length of the body, and the head as it goes on, for a whole head up to the line end before the empty line.

    None for an answer without one plain length, with a status that means more than itself, or with fields for us.
    """
    if _ANSWER.fullmatch(head) is None:
        return None
    if _ODD.search(head) is not None:
        head = _KEPT.sub(b"", head)
        if _ODD.search(head) is not None:
            return None
    lengths = _LENGTH.findall(head)
    return (int(lengths[0]), head) if len(lengths) == 1 else None
