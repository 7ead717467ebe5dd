"""Whatever the bytes: no exception, bounded time, sane values."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.domain import Candidate, Refused, Scheme
from shoal.sources.extract import Extraction, extract, extract_stream

fragments = st.lists(
    st.sampled_from(
        [
            *(
                "192.0.2.1",
                ":",
                "80",
                "0",
                "70000",
                "8O80",
                "999.1.1.1",
                "http://",
                "socks5://",
                "user:pass",
                "@",
                "\n",
                "\r",
                " ",
            ),
            *(
                "\t",
                ",",
                ";",
                "|",
                '"',
                "'",
                "{",
                "}",
                "[",
                "]",
                '"ip":',
                '"port":',
                "proxies:\n",
                "- {",
                "type: http",
                "server: ",
            ),
            *(
                "<table>",
                "<tr>",
                "<td>",
                "</td>",
                "<script>",
                "document.write(",
                "</script>",
                "<?xml",
                "<ip>",
                "</ip>",
                "<![CDATA[",
            ),
            *(
                "%3A",
                "\\x31",
                "MTkyLjAuMi4x",
                "\x00",
                "\ufeff",
                "：",
                "ip,port",
                "#",
                "//",
                "(",
                ")",
                "+",
                "^",
                "=",
                "&#46;",
                "<p>",
            ),
        ]
    ),
    max_size=40,
).map("".join)


def sound(read: Extraction) -> None:
    for candidate in read.candidates:
        assert 0 < candidate.endpoint.port < 65536
        assert candidate.endpoint.host
        assert len(candidate.text) <= 200
        assert candidate.text.isprintable() or not any(ord(character) < 32 for character in candidate.text)
    for reason, count in read.refused.items():
        assert Refused(reason)
        assert count > 0


@given(
    st.binary(max_size=600),
    st.sampled_from([None, "text/html", "application/json; charset=gbk", "text/csv; charset=idna"]),
)
def test_any_bytes(data: bytes, content_type: str | None) -> None:
    sound(extract(data, content_type=content_type))


@settings(max_examples=400)
@given(fragments, st.sampled_from([None, Scheme.HTTP, Scheme.SOCKS5]))
def test_any_mixture_of_the_forms(text: str, scheme: Scheme | None) -> None:
    data = text.encode()
    sound(extract(data, scheme=scheme))
    for item in extract_stream([data[:7], data[7:]], scheme=scheme):
        assert isinstance(item, Candidate | tuple)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "1.",
            "1",
            ":",
            "@",
            "[",
            "{",
            '"',
            "\\",
            "<",
            "<a ",
            "<!--",
            "<![CDATA[",
            "&",
            "%",
            "%3C",
            "\n",
            " ",
            "\t",
            "|",
        ),
        *(
            "a:",
            "a@",
            "1.2.3.4",
            "1.2.3.4:",
            "1.2.3.4:80 ",
            "1.2.3.4:80,",
            "a.b.",
            "0x",
            "::",
            "{[",
            '{"',
            '["',
            '\\"',
            "- {",
            "(",
            "x=",
        ),
        *(
            "<td>",
            "<tr>",
            "<table><tr><td>",
            "<script>",
            "<style>.a{",
            "<?xml",
            "<p>1.2.3.4",
            "proxies:\n- {",
            "ip,port\n",
            "#",
            "//",
        ),
        *(
            "{'ip':",
            "data:image/png;base64,",
            "A",
            "<ip>",
            "192.0.2.1\n",
            "document.write('",
            "<script>document.write(",
            "\u200b",
            "：",
            "\r",
        ),
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        "",
        "[",
        "<html>",
        "<?xml?>",
        "proxies:\n  - type: http\n    server: ",
        "ip,port\n",
        "<script>document.write(1);x=",
    ],
)
def test_time_grows_with_size_only(head: str, piece: str) -> None:
    data = (head + piece * (120_000 // len(piece))).encode()
    began = process_time()
    sound(extract(data))
    assert process_time() - began < 5


@pytest.mark.parametrize(
    "data",
    [
        "<script>ip:" + "'\\" * 100_000,
        "<script>document.write;" + "function f(" * 20_000,
        "<script>document.write;" + "x=[1].map(a=>" * 20_000,
        "<script>document.write;" + "x='a'.replace(/a/g,function(" * 10_000,
        "<style>.a:after{content:'1'}</style>" + "<span class=" * 100_000,
        "INSERT INTO a VALUES " + "('" * 100_000,
        "<?xml?>" + "<key>host</key>" * 30_000,
        "<script>document.write;"
        + "".join(f"function f{i}(x){{return {'+'.join([f'f{i + 1}(x)'] * 4)}}}" for i in range(50))
        + "document.write(f0(1));" * 1000,
    ],
    ids=["quotes", "parameters", "arrows", "replace", "classes", "dump", "keys", "calls"],
)
def test_documents_made_to_be_slow_are_not(data: str) -> None:
    began = process_time()
    sound(extract((data + "</script>").encode()))
    assert process_time() - began < 5
