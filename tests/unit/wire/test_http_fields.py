import pytest

from shoal.wire import LocalProtocolError, Refusal, RemoteProtocolError
from shoal.wire.http_fields import encode_head, find_head_end, read_fields, read_fields_strictly, split_lines


@pytest.mark.parametrize(
    ("buffer", "end"),
    [
        (b"a\r\n\r\nb", 5),
        (b"a\n\nb", 3),
        (b"a\n\r\nb", 4),
        (b"a\r\n\nb", 4),
        (b"a\n\n\r\n\r\n", 3),
        (b"a\r\n\r\n\n\n", 5),
        (b"a\r\nb\r\n", -1),
        (b"", -1),
    ],
)
def test_a_head_ends_at_its_first_empty_line(buffer, end):
    assert find_head_end(buffer) == end


@pytest.mark.parametrize("control", [*range(0x09), 0x0B, 0x0C, 0x0D, *range(0x0E, 0x20), 0x7F])
def test_no_control_character_passes(control):
    with pytest.raises(RemoteProtocolError) as caught:
        split_lines(b"HTTP/1.1 200 OK\r\nA: b" + bytes([control]) + b"c\r\n\r\n")
    assert caught.value.refusal is Refusal.MALFORMED


def test_tabs_and_bytes_above_127_pass():
    assert split_lines(b"a\tb\xff\r\n\r\n") == (["a\tb\xff"], False)
    assert split_lines(b"a\nb\r\n\n") == (["a", "b"], True)


@pytest.mark.parametrize("head", [b"", b"a", b"a\r\n", b"\r\n", b"a\r\n\r\n\r\n", b"\r\n\r\n\r\n"])
def test_a_head_has_one_empty_line_and_that_at_its_end(head):
    with pytest.raises(RemoteProtocolError):
        split_lines(head)


@pytest.mark.parametrize(
    ("lines", "fields", "quirks"),
    [
        (["A: b", "a:c", "X-Empty:"], (("A", "b"), ("a", "c"), ("X-Empty", "")), []),
        (["A: b", "  c", "\td"], (("A", "b c d"),), ["obs-fold", "obs-fold"]),
        (["A:", "  c"], (("A", "c"),), ["obs-fold"]),
        (["A: b", "   "], (("A", "b"),), ["obs-fold"]),
        (["A \t: b"], (("A", "b"),), ["space-before-colon"]),
        ([" c", "A: b"], (("A", "b"),), ["invalid-line"]),
        (["no colon", " c: d", "A: b"], (("A", "b"),), ["invalid-line", "invalid-line"]),
        ([": x", "B\xe9: y", "C D: z"], (), ["invalid-line"] * 3),
    ],
)
def test_odd_lines_are_mended_or_dropped_and_noted(lines, fields, quirks):
    noted: list[str] = []
    assert read_fields(lines, noted) == fields
    assert noted == quirks
    if quirks:
        with pytest.raises(RemoteProtocolError):
            read_fields_strictly(lines)
    else:
        assert read_fields_strictly(lines) == fields


@pytest.mark.parametrize("name", ["", "A b", "A:", "A\r\nB", "Ä", "A\0", "A\n"])
def test_a_header_name_must_be_a_token(name):
    with pytest.raises(LocalProtocolError):
        encode_head("X", [(name, "v")])


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "a\x7f", "snow \u2603", "\r\n", "\n"])
def test_a_header_value_cannot_add_a_line(value):
    with pytest.raises(LocalProtocolError):
        encode_head("X", [("A", value)])
    with pytest.raises(LocalProtocolError):
        encode_head(f"X {value}", [])
