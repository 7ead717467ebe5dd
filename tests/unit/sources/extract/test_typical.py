"""Typical lists and pages that the reader once read wrongly, cut to a few entries each. Documentation addresses."""

from __future__ import annotations

import base64
import json

import pytest

from shoal.sources.extract import extract

QUOTED = "".join(f"%{ord(sign):02x}" for sign in "<a href=x>192.0.2.7</a>")
PACKED = [base64.b64encode(entry.encode()).decode() for entry in ("192.0.2.1:8080", "192.0.2.2:3128")]

DOCUMENTS: dict[str, tuple[str | bytes, str]] = {
    "record-with-reverse-name": (
        '[{"host": "static-1.example.net", "ip": "192.0.2.1", "port": 80, "http": "0", "socks4": "0", "socks5": "1"}]',
        "socks5://192.0.2.1:80",
    ),
    "record-with-gateway-name": (
        '[{"host": "gate.example.net", "ip": "192.0.2.1", "port": 80, "type": "http", "user": "u", "password": "p"}]',
        "http://u:p@gate.example.net:80",
    ),
    "ports-told-with-their-protocols": (
        json.dumps(
            [{"ip": "192.0.2.1", "protocols": [{"type": "socks4", "port": 1080}, {"type": "http", "port": 80}]}]
        ),
        "socks4://192.0.2.1:1080 http://192.0.2.1:80",
    ),
    "charset-declared-in-page": (
        "<html><head><meta charset=gb2312></head><table><tr><th>IP<th>端口<th>位置"
        "<tr><td>192.0.2.1<td>80<td>北京</table>".encode("gb2312"),
        "192.0.2.1:80",
    ),
    "charset-declared-the-older-way": (
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><table><tr><th>Адрес<th>Порт'
        "<tr><td>192.0.2.1<td>80</table>".encode("cp1251"),
        "192.0.2.1:80",
    ),
    "cell-with-zero-width-space": (
        "<table><tr><th>IP<th>Port<tr><td>192&#46;0&#46;2&#46;1<td>&#8203;80</table>",
        "192.0.2.1:80",
    ),
    "port-column-in-swedish": (
        "<table><tr><th>IP-adress<th>Portnummer<th>Land<tr><td>192.0.2.1<td>80<td>Kina</table>",
        "192.0.2.1:80",
    ),
    "scheme-in-column-of-unknown-name": (
        "<table><tr><th>IP<th>Port<th>Laji<tr><td>192.0.2.1<td>80<td>SOCKS4</table>",
        "socks4://192.0.2.1:80",
    ),
    "digits-in-inline-blocks": (
        '<table><tr><th>IP:PORT<tr><td><span>19</span><div style="display:inline-block">2.0.</div><span>2.1</span>'
        ':<span class="port">80</span></table>',
        "192.0.2.1:80",
    ),
    "call-with-percent-escapes": (
        f'<table><tr><th>IP<th>Port<tr><td><script>IPDecode("{QUOTED}")</script><td>80</table>',
        "192.0.2.7:80",
    ),
    "call-with-base64-and-scheme-below": (
        "".join(
            f"<ul><li><script>Proxy('{entry}')</script></li><li>HTTP</li><li>4kbit</li></ul><br>" for entry in PACKED
        ),
        "http://192.0.2.1:8080 http://192.0.2.2:3128",
    ),
    "cards-with-scheme-below": (
        "".join(
            f"<div><h3>192.0.2.{n}</h3><dl><dt>Port</dt><dd>80</dd><dt>Protocol</dt><dd>{word}</dd></dl></div>"
            for n, word in enumerate(("socks4", "http"), 1)
        ),
        "socks4://192.0.2.1:80 http://192.0.2.2:80",
    ),
    "next-heading-is-no-claim": (
        "<p>192.0.2.1:80<br>192.0.2.2:80</p><h2>SOCKS5</h2>",
        "192.0.2.1:80 192.0.2.2:80",
    ),
    "head-over-two-columns": (
        "<table><tr><th colspan=2>Address<th>Country<tr><td>192.0.2.1<td>80<td>China</table>",
        "192.0.2.1:80",
    ),
    "cell-with-link-to-look-up": (
        '<table><tr><th>IP<th>Port<tr><td>192.0.2.1 <a href="/w">whois</a><td>80</table>',
        "192.0.2.1:80",
    ),
    "cell-with-button": (
        "<table><tr><th>IP:PORT<th>LATENCY<tr><td><span>192.0.2.1:80</span><button>copy</button><td>1200</table>",
        "192.0.2.1:80",
    ),
    "list-under-the-name-of-an-entry": (
        '{"status": "success", "proxies": "192.0.2.1:80\\r\\n192.0.2.2:80"}',
        "192.0.2.1:80 192.0.2.2:80",
    ),
    "scheme-outside-the-address-object": (
        '[{"type": "socks4", "address": {"ip": "192.0.2.1", "port": 80}, "location": {"country": "US"}}]',
        "socks4://192.0.2.1:80",
    ),
    "telegram-link-with-secret": (
        "tg://socks?server=192.0.2.1&port=80&user=a&pass=b1\n",
        "socks5://a:b1@192.0.2.1:80",
    ),
    "list-in-one-string-with-commas": ('{"proxies": "192.0.2.1:80,192.0.2.2:80"}', "192.0.2.1:80 192.0.2.2:80"),
    "address-beside-the-one-it-leaves-by": (
        '[{"ip": "2001:db8::330", "host": "192.0.2.1", "port": "80", "user": "u", "pass": "p", "type": "http"}]',
        "http://u:p@192.0.2.1:80",
    ),
    "scheme-before-fields-with-secret": ("socks5|192.0.2.1|80|user5|pass5\n", "socks5://user5:pass5@192.0.2.1:80"),
    "scheme-behind-fields-with-secret": ("192.0.2.1|80|user5|pass5|HTTP\n", "http://user5:pass5@192.0.2.1:80"),
    "remark-names-a-judge": ("192.0.2.1:80 # checked via 198.51.100.8:53\n", "192.0.2.1:80"),
    "scheme-and-country-behind-hashes": ("192.0.2.1:80#socks5#US\n", "socks5://192.0.2.1:80"),
    "scheme-with-a-colon-only": (
        "socks4:192.0.2.1:80\nhttps:192.0.2.2:80\n",
        "socks4://192.0.2.1:80 http://192.0.2.2:80",
    ),
    "at-sign-in-password": ("192.0.2.1:80:user:p@ss#1\n", "user:p@ss#1@192.0.2.1:80"),
    "mail-address-as-user": ("192.0.2.1:80:me.x@example.com:pass1\n", "me.x@example.com:pass1@192.0.2.1:80"),
}

OTHERS = {
    "nginx": "server {\n  listen 192.0.2.1:80;\n  location / { proxy_pass http://192.0.2.2:8080; }\n}\n",
    "haproxy": "frontend w\n    bind 192.0.2.1:80\nbackend b\n    server web1 192.0.2.2:8080 check\n",
    "ini-of-services": "[database]\nhost = 192.0.2.1\nport = 5432\nuser = a\n[redis]\nhost = 192.0.2.2\nport = 6379\n",
    "json-of-services": '{"database": {"host": "192.0.2.1", "port": 5432}, "smtp": {"server": "m.example"}}',
    "yaml-of-services": "spring:\n  redis:\n    host: 192.0.2.1\n    port: 6379\n",
    "urls-of-services": "DATABASE_URL=postgres://u:p@192.0.2.1:5432/db\nREDIS_URL=redis://:pw@192.0.2.2:6379/0\n",
    "wireguard": "[Peer]\nPublicKey = xyz=\nEndpoint = 192.0.2.1:51820\n",
    "sockets": "LISTEN 0 128 192.0.2.1:22 0.0.0.0:*\nESTAB 0 0 192.0.2.1:22 198.51.100.6:51514\n",
    "targets": "static_configs:\n  - targets: ['192.0.2.1:9100', '192.0.2.2:9100']\n",
    "exception": "Caused by: java.net.ConnectException: Connection refused: /192.0.2.1:8080\n",
    "visitors-csv": "date,visitor_ip,sessions\n2024-07-01,192.0.2.1,8080\n2024-07-02,192.0.2.2,3128\n",
    "requests-csv": "ip,requests\n192.0.2.1,8080\n192.0.2.2,3128\n",
    "asn-csv": "ip,asn,country\n192.0.2.1,13335,US\n",
    "ranges-csv": "start_ip,end_ip,asn,name\n192.0.2.1,192.0.2.9,13335,FOO\n",
    "scores-csv": "ip_address,abuse_confidence_score,total_reports\n192.0.2.1,100,8080\n",
    "ranges-without-head": "192.0.2.1\t192.0.2.9\t24\t8080\tFOO\n",
    "virtual-host": "<VirtualHost 192.0.2.1:80>\n  ServerName a.example.com\n</VirtualHost>\n",
    "inventory": "web1 ansible_host=192.0.2.1 ansible_port=22\n",
    "clients-json": '[{"id": 1, "client": "192.0.2.1:8080", "score": 5}, {"id": 2, "client": "192.0.2.2:80"}]',
    "version-behind-v": "notes on v2.0.0.1:443 follow\n",
    "versions-page": "<table><tr><th>Product<th>Fixed version<th>Bug<tr><td>X<td>9.1.2.1<td>8001</table>",
    "versions-csv": "package,version,downloads\np1,1.2.3.1,8080\n",
    "connections": "2024-07-11 12:30:45 INFO Accepted connection from 192.0.2.1:51514\n",
    "tunnel-log": "openvpn[1]: 192.0.2.1:51514 TLS: Initial packet from [AF_INET]192.0.2.1:51514\n",
    "telephony": "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9\nContact: <sip:bob@192.0.2.1:5060>\n",
    "visitors-page": "<table><tr><th>Visitor IP<th>Hits<tr><td>192.0.2.1<td>8080</table>",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_typical_document_is_read_whole(name: str) -> None:
    text, expected = DOCUMENTS[name]
    assert read(text) == expected.split()


@pytest.mark.parametrize("name", OTHERS)
def test_document_of_another_kind_holds_no_proxy(name: str) -> None:
    assert read(OTHERS[name]) == []


def test_unknown_declared_charset_is_read_all_the_same() -> None:
    assert read(b"<meta charset=zlib><p>caf\xe9 192.0.2.1:80</p>") == ["192.0.2.1:80"]


def test_answers_head_goes_before_the_charset_inside() -> None:
    page = "<meta charset=latin-1><table><tr><th>IP<th>Порт<tr><td>192.0.2.1<td>80</table>".encode("cp1251")
    assert len(extract(page, content_type="text/html; charset=windows-1251").candidates) == 1


def read(text: str | bytes) -> list[str]:
    found = []
    for one in extract(text.encode() if isinstance(text, str) else text).candidates:
        secret = f"{one.credentials.username}:{one.credentials.password}@" if one.credentials else ""
        found.append(f"{one.scheme}://{secret}{one.endpoint}" if one.scheme else f"{secret}{one.endpoint}")
    return found
