from __future__ import annotations

import json
import zlib

import pytest

from shoal.domain.judge import DOCUMENTS
from shoal.lab.presets import FailureKind, Tampering
from shoal.lab.tamper import answer, failing_answer, fake_echo, tamper
from shoal.wire import BodyReader, ResponseHead, ResponseHeadReader


def parse(message: bytes) -> tuple[ResponseHead, bytes]:
    reader = ResponseHeadReader()
    head = reader.receive_data(message)
    assert head is not None
    body = BodyReader(head, "GET", 1_000_000)
    body.receive_data(reader.trailing_data)
    assert body.done
    assert body.trailing_data == b""
    return head, body.body


def document(path: str) -> bytes:
    return answer(200, DOCUMENTS[path].body, DOCUMENTS[path].content_type)


@pytest.mark.parametrize(
    ("how", "path"),
    [
        (Tampering.INJECT, "/doc/page.html"),
        (Tampering.REWRITE, "/doc/page.html"),
        (Tampering.REWRITE, "/doc/script.js"),
        (Tampering.RECOMPRESS, "/doc/image.png"),
        (Tampering.REDIRECT, "/doc/page.html"),
    ],
)
def test_a_tamperer_changes_what_it_cares_for_and_stays_well_formed(how: Tampering, path: str) -> None:
    _, body = parse(tamper(document(path), how))
    assert body != DOCUMENTS[path].body


@pytest.mark.parametrize("how", list(Tampering))
def test_a_tamperer_leaves_json_alone(how: Tampering) -> None:
    assert tamper(document("/doc/data.json"), how) == document("/doc/data.json")


def test_a_recompressed_picture_shows_the_same() -> None:
    _, body = parse(tamper(document("/doc/image.png"), Tampering.RECOMPRESS))
    original = DOCUMENTS["/doc/image.png"].body
    assert len(body) < len(original)

    def pixels(picture: bytes) -> bytes:
        start = picture.index(b"IDAT")
        return zlib.decompress(picture[start + 4 : start + 4 + int.from_bytes(picture[start - 4 : start], "big")])

    assert pixels(body) == pixels(original)


@pytest.mark.parametrize("message", [b"", b"not http", b"HTTP/1.1 200 OK\r\n", b"garbage\r\n\r\nbody"])
@pytest.mark.parametrize("how", list(Tampering))
def test_what_is_not_an_answer_passes_unchanged(message: bytes, how: Tampering) -> None:
    assert tamper(message, how) == message


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FailureKind.STATUS_403, 403),
        (FailureKind.STATUS_407, 407),
        (FailureKind.STATUS_502, 502),
        (FailureKind.WEB, 404),
        (FailureKind.CAPTIVE, 200),
    ],
)
def test_failures_answer_with_their_status(kind: FailureKind, status: int) -> None:
    assert parse(failing_answer(kind, "GET"))[0].status == status


def test_a_made_up_echo_returns_the_nonce_but_cannot_sign_it() -> None:
    _, body = parse(fake_echo("http://judge.lab/check/?format=json&nonce=n1", (("Host", "judge.lab"),), "127.9.9.9"))
    echo = json.loads(body)
    assert (echo["nonce"], echo["address"]) == ("n1", "127.9.9.9")
    assert echo["mac"] == "0" * 64
    assert json.loads(parse(fake_echo("http://x/get", (), "127.9.9.9"))[1])["origin"] == "127.9.9.9"
    assert parse(fake_echo("http://x/ip", (), "127.9.9.9"))[1] == b"127.9.9.9\n"
