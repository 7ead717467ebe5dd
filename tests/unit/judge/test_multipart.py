from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.judge.multipart import MAX_PARTS, boundary_of, read_parts


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=x; Boundary="a b;c"', b"a b;c"),
        ("text/plain; boundary=abc", None),
        ("multipart/form-data", None),
        (f"multipart/form-data; boundary={'x' * 71}", b"x" * 70),
    ],
)
def test_boundary(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    ("disposition", "names"),
    [
        (b'form-data; name="a"; filename="x\\"y.jpg"', ("a", 'x"y.jpg')),
        (b"form-data; name=a; filename*=utf-8''%E4%BD%A0.jpg", ("a", "你.jpg")),
        ('form-data; name="é"'.encode(), ("é", None)),
        (b"attachment", (None, None)),
    ],
)
def test_names(disposition: bytes, names: tuple[str | None, str | None]) -> None:
    parts = read_parts(b"--B\r\nX: y\r\ncontent-disposition: " + disposition + b"\r\n\r\n\r\n--B--", b"B")
    assert parts is not None
    assert [(part.name, part.filename, part.length) for part in parts] == [(*names, 0)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--B",
        b"--B--extra",
        b"--B\r\nno head end\r\n--B--",
        b"--Bx\r\n\r\n\r\n--B--",
        b"--B\r\n\r\n\r\n" * (MAX_PARTS + 1) + b"--B--",
    ],
)
def test_what_its_boundary_does_not_divide_is_no_multipart(body: bytes) -> None:
    assert not read_parts(body, b"B")


@given(st.lists(st.binary(max_size=50).filter(lambda data: b"--Bound" not in data), max_size=5))
def test_reads_what_is_written(contents: list[bytes]) -> None:
    body = b"".join(
        b'--Bound\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n' % n + content + b"\r\n"
        for n, content in enumerate(contents)
    )
    parts = read_parts(body + b"--Bound--\r\n", b"Bound")
    assert parts is not None
    assert [(part.name, part.length) for part in parts] == [(f"f{n}", len(c)) for n, c in enumerate(contents)]
