"""Pages: twins of the ways in which list sites show, split and hide addresses."""

from __future__ import annotations

import base64
import html as entities
from urllib.parse import quote

import pytest

from shoal.domain import Scheme
from shoal.sources.extract import extract

TWO = ["192.0.2.1:80", "192.0.2.22:8081"]


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def page(body: str, head: str = "") -> bytes:
    title = "<title>Free 9.9.9.9:99 list</title>"
    return f"<!DOCTYPE html><html><head>{title}{head}</head><body>{body}</body></html>".encode()


def found(body: str, head: str = "") -> list[str]:
    return [str(candidate.endpoint) for candidate in extract(page(body, head)).candidates]


def table(*rows: str, head: str = "") -> str:
    return f"<table>{head}" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def cells(*texts: str) -> str:
    return "".join(f"<td>{text}</td>" for text in texts)


def heads(*texts: str) -> str:
    return "<thead><tr>" + "".join(f"<th>{text}</th>" for text in texts) + "</tr></thead>"


@pytest.mark.parametrize(
    "body",
    [
        table(cells("192.0.2.1", "80", "US"), cells("192.0.2.22", "8081", "DE")),
        table(cells("\n  192.0.2.1\n ", " 80 "), cells("192.0.2.22&nbsp;", "8081")),
        table(cells("1", "192.0.2.1", "80"), cells("2", "192.0.2.22", "8081")),
        table(cells("192.0.2.1:80", "US"), cells("192.0.2.22:8081", "DE")),
        table(cells("192.0.2.1:80", "192.0.2.22:8081")),
        table(cells("192.0.2.1", "80", "192.0.2.22", "8081")),
        table(
            cells("US", "192.0.2.1", "x", "80"),
            cells("DE", "192.0.2.22", "x", "8081"),
            head=heads("C", "IP", "T", "Port"),
        ),
        table(cells("80", "192.0.2.1"), cells("8081", "192.0.2.22"), head=heads("Port", "IP address")),
        table(cells("192.0.2.1", "CN", "80"), cells("192.0.2.22", "CN", "8081"), head=heads("IP地址", "国家", "端口")),
        table(
            cells("192.0.2.1", "x", "80"), cells("192.0.2.22", "x", "8081"), head=heads("IP-адрес", "Страна", "Порт")
        ),
        table(
            cells("192.0.2.1", "x", "80"),
            cells("192.0.2.22", "x", "8081"),
            head=heads("Dirección IP", "País", "Puerto"),
        ),
        table(cells("192.0.2.1", "80"), cells("192.0.2.22", "8081"), head=heads("Port", "", "Gateway")),
        table(
            cells('<a href="/w/192.0.2.1">192.0.2.1</a>', '<a href="/port/80">80</a>'),
            cells('<a href="/w/192.0.2.22">192.0.2.22</a>', '<a href="/port/8081">8081</a>'),
        ),
        table(cells("<b>192.</b><i>0.2</i>.1", "80"), cells("192.0<span>.2.22</span>", "<span>80</span>81")),
        table(cells("<span>192.0.2.1</span><span>80</span>"), cells("<span>192.0.2.22</span>:<span>8081</span>")),
        table(cells("192.0.2.1<br>80"), cells("192.0.2.22<br/>8081")),
        table(cells(table(cells("192.0.2.1", "80"), cells("192.0.2.22", "8081")))),
        table(cells("192.0.2.1:80<br>192.0.2.22:8081")),
        "<tr><td>192.0.2.1</td><td>80</td></tr><tr><td>192.0.2.22</td><td>8081</td></tr>",
        "<p>Try 192.0.2.1:80, or 192.0.2.22:8081 (fast).</p>",
        "<pre>192.0.2.1:80\n192.0.2.22:8081\n</pre>",
        "<textarea>192.0.2.1:80\n192.0.2.22:8081</textarea>",
        "<div>192.0.2.1:80<br>192.0.2.22:8081<br></div>",
        "<ul><li>192.0.2.1:80</li><li>http://192.0.2.22:8081</li></ul>",
        "<div><div>192.0.2.1</div><div>80</div></div><div><div>192.0.2.22</div><div>8081</div></div>",
        "<ul><li><span>192.0.2.1</span><span>80</span><span>US</span></li><li><b>192.0.2.22</b> <i>8081</i></li></ul>",
        "<dl><dt>IP</dt><dd>192.0.2.1</dd><dt>Port</dt><dd>80</dd><dt>IP</dt><dd>192.0.2.22</dd><dt>Port</dt><dd>8081</dd></dl>",
        "<p>IP: 192.0.2.1</p><p>Port: 80</p><p>IP: 192.0.2.22</p><p>Port: 8081</p>",
        "<p>IP: 192.0.2.1 Port: 80</p><p>IP: 192.0.2.22, port 8081</p>",
        "<p>192&#46;0&#46;2&#46;1&#58;80</p><p>&#x31;92.0.2.22:8081</p>",
        f"<p>{quote('192.0.2.1:80', safe='').replace('.', '%2E')}</p><p>192.0.2.22%3A8081</p>",
        table(cells(packed("192.0.2.1"), "80"), cells(packed("192.0.2.22"), "8081")),
        table(cells(packed("192.0.2.1:80")), cells(packed("192.0.2.22:8081"))),
        table(cells(packed("192.0.2.1"), packed("80")), cells(packed("192.0.2.22"), packed("8081"))),
        '<table><tr data-ip="192.0.2.1" data-port="80"><td>US</td></tr>'
        '<tr data-ip="192.0.2.22" data-port="8081"><td>-</td></tr></table>',
        '<table><tr><td data-ip="192.0.2.1"></td><td data-port="80"></td></tr>'
        '<tr><td data-ip="192.0.2.22"></td><td data-port="8081"></td></tr></table>',
        f'<table><tr><td data-ip="{packed("192.0.2.1")}"></td><td data-port="{packed("80")}"></td></tr>'
        f'<tr><td data-ip="{packed("192.0.2.22")}"></td><td data-port="{packed("8081")}"></td></tr></table>',
        '<div data-ip="192.0.2.1" data-port="80">US</div><div data-ip="192.0.2.22" data-port="8081"></div>',
        '<a data-proxy="192.0.2.1:80">copy</a><a data-proxy="192.0.2.22:8081">copy</a>',
        "<textarea>" + entities.escape(table(cells("192.0.2.1", "80"), cells("192.0.2.22", "8081"))) + "</textarea>",
    ],
)
def test_addresses_as_pages_show_them(body: str) -> None:
    assert found(body) == TWO


@pytest.mark.parametrize(
    "body",
    [
        table(
            "<td><script>document.write('192.0' + \".2.1\")</script></td><td>80</td>",
            "<td><script>document.write('192.0' + \".2.22\");</script></td><td>8081</td>",
        ),
        table(
            f'<td><script type="text/javascript">document.write(Base64.decode("{packed("192.0.2.1")}"))</script></td>'
            "<td>80</td>",
            f'<td><script>document.write(atob("{packed("192.0.2.22")}"))</script></td><td>8081</td>',
        ),
        table(
            '<td><script>document.write("xx192.0.2".substr(2) + ".1")</script></td><td>80</td>',
            '<td><script>document.write("22.2.0.291".split("").reverse().join("").replace("192.0.22.2","192.0.2.2"))</script>2</td>'
            "<td>8081</td>",
        )
        .replace('"22.2.0.291"', '"2.2.0.291"')
        .replace('.replace("192.0.22.2","192.0.2.2")', ""),
        "<script>var a=8;var b=0;c=a^b;</script>"
        + table(
            "<td>192.0.2.1<script>document.write(':'+a+b)</script></td>",
            '<td>192.0.2.22<script>document.write("<b>:</b>"+(c)+(b^0)+(a)+(1^0))</script></td>',
        ),
        "<script>document.write(unescape('"
        + quote(table(cells("192.0.2.1", "80"), cells("192.0.2.22", "8081")))
        + "'))</script>",
        "<p><script>document.write('\\x31\\x392.0.2.1:80')</script></p>"
        "<p><script>document.write(String.fromCharCode(49,57,50)+'.0.2.22:'+'8081')</script></p>",
        '<script>const list = [{"ip": "192.0.2.1", "port": "80", "at": "10:20"},'
        ' {"ip": "192.0.2.22", "port": 8081}];</script>',
        "<script>$(function(){ var x = {a: 1}; "
        "show([{ip:'192.0.2.1',port:80},{ip:'192.0.2.22',port:8081}]); });</script>",
        '<script type="application/json">{"props":{"rows":[{"host":"192.0.2.1","port":80,"geo":{"c":"US"}},'
        '{"host":"192.0.2.22","port":8081,"geo":{"c":"DE"}}]}}</script>',
    ],
)
def test_addresses_that_scripts_write(body: str) -> None:
    assert found(body) == TWO


@pytest.mark.parametrize(
    ("body", "head"),
    [
        ('<p style="display:none">192.0.2.1:80</p>', ""),
        ('<p style="color:red; DISPLAY : none;">192.0.2.1:80</p>', ""),
        ("<p hidden>192.0.2.1:80</p>", ""),
        ('<p class="a zz">192.0.2.1:80</p>', "<style>.b{color:red} .zz{display:none}</style>"),
        ("<!-- 192.0.2.1:80 -->", ""),
        ("<script>var version = '1.2.3.4:80'; var t = {build: '5.6.7.8', port: 80};</script>", ""),
        ("<script src='https://192.0.2.1:8080/app.js'></script>", ""),
        ('<a href="http://192.0.2.1:8080/">home</a>', ""),
        ("<p>Chrome/110.0.5481.178</p><p>at 10:20:30</p><p>55.7487,37.6187</p>", "<style>a{margin:1.2.3.4:80}</style>"),
        (table(cells("Version", "1.2.3.4"), cells("Your IP", "192.0.2.1")), ""),
        ("<p>Your IP is 192.0.2.1</p>", ""),
        ("<p>contact admin.example.com:8080 or http://admin.example.com:8080 today</p>", ""),
        (table(cells("192.0.2.9", "80"), head=heads("Exit IP", "Speed")), ""),
    ],
)
def test_noise_and_decoys_stay_out(body: str, head: str) -> None:
    assert found(body, head) == []


def test_decoys_inside_a_cell_do_not_spoil_its_address() -> None:
    body = table(
        cells(
            '<span style="display:none">77</span>192.<span class="x">13</span>0.2.<div>1</div>',
            "80",
        )
    )
    assert found(body, "<style>.x{display:none}</style>") == []
    for inline in (body.replace("div", "span"), body.replace("<div>", '<div style="display: inline-block">')):
        assert found(inline, "<style>.x{display:none}</style>") == ["192.0.2.1:80"]


def test_a_row_claims_scheme_and_country() -> None:
    body = table(
        cells("192.0.2.1", "80", "US", "United States", "Socks5"),
        cells("192.0.2.2", "80", '<img src="/flags/de.png">', "Germany", "HTTPS"),
        cells("192.0.2.3", "80", "no", "NO", "SOCKS4, SOCKS5"),
        cells("192.0.2.4", "80", "", "", "elite"),
    )
    read = extract(page(body), scheme=Scheme.HTTP)
    assert [(c.endpoint.host, c.scheme, c.country) for c in read.candidates] == [
        ("192.0.2.1", Scheme.SOCKS5, "US"),
        ("192.0.2.2", Scheme.HTTP, "DE"),
        ("192.0.2.3", Scheme.SOCKS4, None),
        ("192.0.2.3", Scheme.SOCKS5, None),
        ("192.0.2.4", Scheme.HTTP, None),
    ]


def test_an_exit_column_is_not_the_proxy() -> None:
    body = table(cells("192.0.2.9", "192.0.2.1", "80"), head=heads("Exit IP", "IP", "Port"))
    assert found(body) == ["192.0.2.1:80"]


def test_faults_in_tables_are_counted() -> None:
    body = table(
        cells("999.0.2.1", "80"), cells("192.0.2.1", "70000"), cells("192.0.2.1", "8O80"), cells("192.0.2.1", "80")
    )
    read = extract(page(body))
    assert len(read.candidates) == 1
    assert read.refused == {"bad_address": 1, "bad_port": 2}


def test_broken_markup_ends() -> None:
    for data in (b"<table>" * 50_000, b"<div>" * 100_000 + b"192.0.2.1:80", b"<script>" * 50_000, b"<td" * 50_000):
        assert extract(data).form == "html"


def test_scripts_cannot_run_away() -> None:
    for code in (
        "x='ab'.repeat(999999999)",
        "x=" + "(" * 9000,
        "x=" + "[" * 9000,
        "x='a'+" * 9000,
        "document.write(" * 9000,
    ):
        assert found(f"<script>{code};document.write(x)</script><p>192.0.2.1:80</p>") == ["192.0.2.1:80"]
