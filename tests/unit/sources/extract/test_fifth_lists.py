"""Forms that were not read at the first try: each with its twin, made by hand, and what looks like it but is none."""

from __future__ import annotations

import base64
import json

import pytest

from shoal.domain import Credentials, Scheme
from shoal.sources.extract import extract

ONE, TWO, THREE = "198.51.100.7:3128", "203.0.113.19:1080", "192.0.2.44:8080"
PARTS = [tuple(entry.split(":")) for entry in (ONE, TWO, THREE)]


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def each(form: str) -> str:
    return "".join(form.replace("IP", host).replace("PORT", port) for host, port in PARTS)


LISTS = {
    "yaml flow of one's own": "proxies:\n" + each("  - {ip: IP, port: PORT, type: socks5}\n"),
    "yaml by address": each("IP:\n  port: PORT\n  country: US\n"),
    "ini numbered": "[list]\n" + "".join(f"ip{n}={host}\nport{n}={port}\n" for n, (host, port) in enumerate(PARTS)),
    "environment numbered": "".join(
        f"PROXY_{n}_HOST={host}\nPROXY_{n}_PORT={port}\n" for n, (host, port) in enumerate(PARTS)
    ),
    "toml tables": each('[[proxy]]\naddress = "IP"\nport = PORT\n\n'),
    "marks of direction": each("\u200eIP\u200f:\u202aPORT\u202c\n"),
    "arabic digits": "".join(
        "".join(chr(0x660 + int(sign)) if sign.isdigit() else sign for sign in entry) + "\n"
        for entry in (ONE, TWO, THREE)
    ),
    "json packed": json.dumps([{"ip": packed(host), "port": packed(port)} for host, port in PARTS]),
    "json in json": json.dumps({"data": json.dumps([{"ip": host, "port": port} for host, port in PARTS])}),
    "json of a scan": json.dumps([{"ip": host, "services": [{"port": int(port)}]} for host, port in PARTS]),
    "json by place": json.dumps(
        [{"rows": 1}, [2, 5, 8]]
        + [
            part
            for n, (host, port) in enumerate(PARTS)
            for part in ({"ip": 3 * n + 3, "port": 3 * n + 4}, host, int(port))
        ]
    ),
    "squid": each("cache_peer IP parent PORT 0 no-query default\n"),
    "3proxy": each("parent 1000 socks5 IP PORT\n"),
    "javascript in a line": f'var p = ["{ONE}","{TWO}","{THREE}"];',
    "share links": "".join(f"socks5://{packed(f'u:p@{entry}')}#here\n" for entry in (ONE, TWO, THREE)),
    "template strings": "<html><body><script>const d = [\n"
    + each("{ host: 'IP', port: PORT, type: `http` },\n")
    + "];</script></body></html>",
    "cards": "<html><body>"
    + each("<p><b>Host</b><span>IP</span></p><p><b>Port</b><span>PORT</span></p>")
    + "</body></html>",
    "inputs": "<html><body>" + each('<div><input value="IP"><input value="PORT"></div>') + "</body></html>",
    "ports in attributes": "<html><body><table>"
    + each('<tr><td>IP</td><td><i data-port="PORT"></i></td></tr>')
    + "</table></body></html>",
    "download in a link": '<html><body><a href="data:text/csv;base64,'
    + packed("ip,port\n" + each("IP,PORT\n"))
    + '">CSV</a></body></html>',
    "names of linked data": '<html><body><script type="application/ld+json">'
    + json.dumps({"items": [{"position": n, "name": entry} for n, entry in enumerate((ONE, TWO, THREE))]})
    + "</script></body></html>",
    "ports of data frames": "ip,port\n" + each("IP,PORT.0\n"),
    "ports in brackets": each("IP (PORT)\n"),
    "latex": each("IP & PORT & US \\\\\n"),
    "bulletin board": each("[b]IP[/b]:[color=red]PORT[/color]\n"),
    "packed lines": "".join(packed(entry) + "\n" for entry in (ONE, TWO, THREE)),
    "escaped lines": each("http%3A%2F%2FIP%3APORT\n"),
    "property list": '<?xml version="1.0"?><plist><array>'
    + each("<dict><key>HTTPProxy</key><string>IP</string><key>HTTPPort</key><integer>PORT</integer></dict>")
    + "</array></plist>",
}
NOTHING = {
    "telegram's own protocol": each("https://t.me/proxy?server=IP&port=PORT&secret=ee00\n"),
    "nodes of surge": each("US 1 = ss, IP, PORT, encrypt-method=aes-128-gcm, password=x\n"),
    "nodes of quantumult": each("shadowsocks=IP:PORT, method=chacha20-ietf-poly1305, password=x\n"),
    "nodes of loon": each('N = Trojan,IP,PORT,"secret"\n'),
    "versions": "<html><body><p>Version 198.51.100.7:3128 build</p><p>release 203.0.113.19:1080 came</p></body></html>",
    "resolvers": "dns: 8.8.8.8:53 and 1.1.1.1:53\n",
    "ports in pictures": "<html><body><table><tr><th>IP</th><th>Port</th></tr>"
    + each('<tr><td>IP</td><td><img src="p.png"></td></tr>')
    + "</table></body></html>",
}


@pytest.mark.parametrize("name", LISTS)
def test_exactly_its_proxies_are_read(name: str) -> None:
    found = extract(LISTS[name].encode())
    assert {str(one.endpoint) for one in found.candidates} == {ONE, TWO, THREE}, found


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_is_read(name: str) -> None:
    assert extract(NOTHING[name].encode()).candidates == []


def test_what_stands_beside_an_entry_is_kept() -> None:
    (peer,) = extract(b"cache_peer 198.51.100.7 parent 3128 0 login=me:pw\n").candidates
    assert (peer.scheme, peer.credentials) == (Scheme.HTTP, Credentials("me", "pw"))
    (parent,) = extract(b"parent 1000 socks5 198.51.100.7 1080 me pw\n").candidates
    assert (parent.scheme, parent.credentials) == (Scheme.SOCKS5, Credentials("me", "pw"))
    (link,) = extract(f"socks5://{packed('me:pw@198.51.100.7:1080')}#here".encode()).candidates
    assert (link.scheme, link.credentials) == (Scheme.SOCKS5, Credentials("me", "pw"))
