"""Clash and mihomo configurations."""

from __future__ import annotations

from shoal.domain import Credentials, Scheme
from shoal.sources.extract import extract

BLOCK = """\
port: 7890
mode: rule
proxies:
  - name: "one: first"
    type: http
    server: 192.0.2.1
    port: 80   # usual
    username: user
    password: "p: #ss"
  - name: two
    type: socks5
    server: proxy.example.com
    port: 1080
  - type: vmess
    server: 192.0.2.9
    port: 443
    ws-opts:
      path: /x
      headers: {Host: a.example}
  - {name: three, type: http, server: 192.0.2.3, port: 443, tls: true, skip-cert-verify: true}
  -
    name: four
    type: http
    server: 192.0.2.4
    port: 99999
proxy-groups:
  - name: auto
    type: select
    proxies: [one, two]
rules:
  - IP-CIDR,192.0.2.8/32,DIRECT
"""


def test_only_http_and_socks5_entries_are_taken() -> None:
    read = extract(BLOCK.encode(), name="clash.yaml")
    assert read.form == "clash"
    assert [(str(c.endpoint), c.scheme, c.credentials) for c in read.candidates] == [
        ("192.0.2.1:80", Scheme.HTTP, Credentials("user", "p: #ss")),
        ("proxy.example.com:1080", Scheme.SOCKS5, None),
        ("192.0.2.3:443", Scheme.HTTPS, None),
    ]
    assert read.refused == {"bad_port": 1}


def test_flow_style_and_quoting() -> None:
    text = (
        "proxies:\n"
        '- {"name":"a, b","type":"http","server":"192.0.2.1","port":80,"opts":{"server":"192.0.2.9"}}\n'
        "- { name: 'it''s', type: socks5, server: 2001:db8::1, port: 1080, username: u, password: 'p,}w' }\n"
        "- {name: x, type: ss, server: 192.0.2.9, port: 1, cipher: aes-128-gcm}\n"
    )
    read = extract(text.encode())
    assert [(str(c.endpoint), c.scheme, c.credentials) for c in read.candidates] == [
        ("192.0.2.1:80", Scheme.HTTP, None),
        ("[2001:db8::1]:1080", Scheme.SOCKS5, Credentials("u", "p,}w")),
    ]


def test_the_whole_list_on_one_line() -> None:
    text = (
        "proxies: [{type: http, server: 192.0.2.1, port: 80}, {name: b, type: socks5, server: 192.0.2.2, port: 81}]\n"
    )
    assert [str(candidate.endpoint) for candidate in extract(text.encode()).candidates] == [
        "192.0.2.1:80",
        "192.0.2.2:81",
    ]


def test_socks_inside_tls_is_left_out() -> None:
    text = "proxies:\n- {name: a, type: socks5, server: 192.0.2.1, port: 80, tls: true}\n"
    assert extract(text.encode()).candidates == []
