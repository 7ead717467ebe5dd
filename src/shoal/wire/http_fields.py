"""Header lines: read tolerantly or strictly, look up, write without letting anything be injected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from shoal.wire.errors import LocalProtocolError, Refusal, RemoteProtocolError

Fields = tuple[tuple[str, str], ...]
"""Header names as they were spelled, with their values, in order."""

BARE_LF: Final = "bare-lf"
OBS_FOLD: Final = "obs-fold"
SPACE_BEFORE_COLON: Final = "space-before-colon"
INVALID_LINE: Final = "invalid-line"

is_token: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
"""RFC 9110 section 5.6.2."""

_CONTROLS: Final = bytes(byte for byte in (*range(32), 127) if byte not in b"\t\r\n")


class FieldLookup:
    """Finds header fields by name, whatever their case."""

    __slots__ = ()

    headers: Fields

    def get(self, name: str) -> str | None:
        """The first value under this name, or None."""
        wanted = name.lower()
        for field, value in self.headers:
            if field.lower() == wanted:
                return value
        return None

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value under this name, in order."""
        wanted = name.lower()
        return tuple(value for field, value in self.headers if field.lower() == wanted)


def find_head_end(buffer: bytes | bytearray, start: int = 0) -> int:
    """The index after the first empty line, whether its line ends are CRLF or bare LF; -1 if there is none."""
    crlf = buffer.find(b"\n\r\n", start)
    lf = buffer.find(b"\n\n", start)
    if lf >= 0 and (crlf < 0 or lf < crlf):
        return lf + 2
    return crlf + 3 if crlf >= 0 else -1


def split_lines(head: bytes) -> tuple[list[str], bool]:
    """The lines of a complete head without its empty line, and whether any of them ended in a bare LF.

    Decodes Latin-1: bytes above 127 are opaque (RFC 9110 section 5.5). Raises RemoteProtocolError for a head without
    its empty line, with one before its end, with a control character other than the tab, or with a stray CR.
    """
    if not head.endswith((b"\n\r\n", b"\n\n")):
        raise RemoteProtocolError(Refusal.EOF, "the head has no end")
    crlf = head.count(b"\r\n")
    if len(head.translate(None, _CONTROLS)) != len(head) or head.count(b"\r") != crlf:
        raise RemoteProtocolError(Refusal.MALFORMED, "a control character in the head")
    text = head.decode("latin-1")
    bare = head.count(b"\n") != crlf
    lines = [line.removesuffix("\r") for line in text.split("\n")] if bare else text.split("\r\n")
    del lines[-2:]
    if "" in lines:
        raise RemoteProtocolError(Refusal.MALFORMED, "an empty line inside the head")
    return lines, bare


def read_fields(lines: list[str], quirks: list[str]) -> Fields:
    """Read header lines as user agents must (RFC 9112 section 5): what is odd is mended or dropped, and noted."""
    fields: list[tuple[str, str]] = []
    continues = False
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and is_token(name):
            fields.append((name, value.strip(" \t")))
            continues = True
        elif line[0] in " \t" and continues:
            quirks.append(OBS_FOLD)
            name, value = fields[-1]
            fields[-1] = (name, " ".join((value, line.strip(" \t"))).strip(" "))
        elif colon and is_token(mended := name.rstrip(" \t")):
            quirks.append(SPACE_BEFORE_COLON)
            fields.append((mended, value.strip(" \t")))
            continues = True
        else:
            quirks.append(INVALID_LINE)
            continues = False
    return tuple(fields)


def read_fields_strictly(lines: list[str]) -> Fields:
    """Read header lines as a server should (RFC 9112 section 5.1): whatever two readers could take apart is refused."""
    fields: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not is_token(name):
            raise RemoteProtocolError(Refusal.MALFORMED, "a header line without a proper name")
        fields.append((name, value.strip(" \t")))
    return tuple(fields)


def encode_head(start_line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A start line and header fields as bytes, with the empty line.

    Raises LocalProtocolError when a name is not a token, or any part holds CR, LF, another control character but
    the tab, or a character beyond Latin-1: nothing a user or a list says can add a line of its own.
    """
    parts = [start_line]
    for name, value in headers:
        if not is_token(name):
            raise LocalProtocolError(f"not a header name: {name!r}")
        parts.append(f"{name}: {value}")
    parts.append("\r\n")
    try:
        head = "\r\n".join(parts).encode("latin-1")
    except UnicodeEncodeError as error:
        raise LocalProtocolError("a head holds a character beyond Latin-1") from error
    # Exactly the line ends written here may be in it: one more came from a part.
    if (
        head.count(b"\n") != len(parts)
        or head.count(b"\r") != len(parts)
        or len(head.translate(None, _CONTROLS)) != len(head)
    ):
        raise LocalProtocolError("a header or start line holds a line end or another control character")
    return head
