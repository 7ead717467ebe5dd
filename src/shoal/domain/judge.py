"""What checker and judge agree on: the signature over a nonce, and the fixed documents."""

from __future__ import annotations

import binascii
import hashlib
import zlib
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct


def judge_mac(key: bytes, nonce: str, address: str) -> str:
    """HMAC-SHA-256 in hexadecimal over ``nonce``, a line feed and the peer address that the judge saw.

    A proxy that never asked the judge cannot make it, and an answer kept from another check does not fit.
    """
    # RFC 2104 with both pads hashed beforehand: OpenSSL's own HMAC looks its parts up anew at each call, which takes
    # twelve times as long and was the dearest single step of a check.
    inner, outer = _pads(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(f"{nonce}\n{address}".encode())
    outer.update(inner.digest())
    return str(outer.hexdigest())


@lru_cache(maxsize=64)
def _pads(key: bytes) -> tuple[Any, Any]:
    """SHA-256 fed with the key XOR ipad and XOR opad (RFC 2104, section 2)."""
    block = hashlib.sha256().block_size
    padded = (hashlib.sha256(key).digest() if len(key) > block else key).ljust(block, b"\0")
    return (
        hashlib.sha256(bytes([byte ^ 0x36 for byte in padded])),
        hashlib.sha256(bytes([byte ^ 0x5C for byte in padded])),
    )


class Document(Struct, frozen=True, gc=False):
    """A fixed document: ``body`` is the same in every release, byte for byte."""

    content_type: str
    body: bytes


def _png() -> bytes:
    """A 64 x 64 true-colour picture in stored (uncompressed) deflate blocks, so that no zlib release changes a byte.

    A proxy that recompresses pictures cannot leave it alone: any compression makes it smaller.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + binascii.crc32(kind + data).to_bytes(4, "big")

    rows = b"".join(
        b"\0" + b"".join(bytes((x * 4, y * 4, (x ^ y) * 4)) for x in range(64)) for y in range(64)
    )  # 12,352 bytes: one stored block holds up to 65,535
    stored = b"\x78\x01\x01" + len(rows).to_bytes(2, "little") + (len(rows) ^ 0xFFFF).to_bytes(2, "little")
    data = stored + rows + zlib.adler32(rows).to_bytes(4, "big")
    head = (64).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# Long enough (over 2 KB) for proxies that leave short pages alone, with the places where insertions go: head, an
# advertisement-like slot, the end of the body.
_HTML = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Shoal check page</title>\n'
    b'<link rel="stylesheet" href="/doc/style.css">\n</head>\n<body>\n<h1>Nothing to see here</h1>\n'
    b"<!-- this comment, these  double  spaces and this trailing blank are meant to survive --> \n"
    b'<div id="banner" class="ad-slot"></div>\n'
    + b"".join(b"<p>Line %02d of a page that ought to arrive exactly as it left.</p>\n" % n for n in range(32))
    + b'<img src="/doc/image.png" alt="" width="64" height="64">\n<script src="/doc/script.js"></script>\n'
    b"</body>\n</html>\n"
)
_JS = (
    b"// Fixed script: a proxy that minifies, wraps or extends it changes what follows.\n"
    b"(function () {\n    'use strict';\n    var answer = 40 + 2;\n    return answer;\n})();\n"
)
_JSON = b'{"document": "shoal", "numbers": [1, 2, 3],  "nested": {"kept": true, "blank": null}}\n'

DOCUMENTS: Final[dict[str, Document]] = {
    "/doc/page.html": Document("text/html; charset=utf-8", _HTML),
    "/doc/script.js": Document("text/javascript; charset=utf-8", _JS),
    "/doc/data.json": Document("application/json", _JSON),
    "/doc/image.png": Document("image/png", _png()),
}
"""Path to document. Both sides hold them, so nothing has to be trusted to compare them."""
