"""JSON of any shape: twins of what public lists and services publish, with addresses made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoal.domain import Credentials, Scheme
from shoal.sources.extract import extract

ONE = ["192.0.2.1:80"]
TWO = ["192.0.2.1:80", "192.0.2.2:81"]


def found(value: Any) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return [str(candidate.endpoint) for candidate in extract(text.encode()).candidates]


@pytest.mark.parametrize(
    "value",
    [
        [{"ip": "192.0.2.1", "port": 80}],
        [{"ip": "192.0.2.1", "port": "80"}],
        [{"ip": "192.0.2.1", "port": 80.0}],
        [{"host": "192.0.2.1", "port": "80"}],
        [{"addr": "192.0.2.1", "port": 80}],
        [{"ipAddress": "192.0.2.1", "portNumber": 80}],
        [{"ip_address": "192.0.2.1", "proxy_port": 80}],
        [{"IP": "192.0.2.1", "PORT": "80"}],
        [{"server": "192.0.2.1", "port": 80}],
        [{"proxyAddress": "192.0.2.1", "proxyPort": 80}],
        [{"ip": "192.0.2.1:80"}],
        [{"proxy": "192.0.2.1:80"}],
        [{"ip_port": "192.0.2.1:80", "speed": 3}],
        [{"url": "http://192.0.2.1:80"}],
        [{"proxy": "192.0.2.1:80", "ip": "192.0.2.1", "port": 80}],
        [{"proxy": "http://192.0.2.1:80", "ip": "192.0.2.1", "port": 80}],
        {"data": [{"ip": "192.0.2.1", "port": "80", "protocols": ["http"]}], "total": 1, "page": 1},
        {"data": {"list": [{"attributes": {"ip": "192.0.2.1", "port": "80"}}]}},
        {"ip": "192.0.2.1", "port": 80},
        {"proxies": ["192.0.2.1:80"]},
        {"socks5": ["192.0.2.1:80"]},
        ["192.0.2.1:80"],
        [["192.0.2.1:80"]],
        "\n  " + json.dumps(ONE),
        {"192.0.2.1:80": {"country": "US"}},
        {"msg": "ok", "data": "192.0.2.1:80"},
        {"msg": "ok", "data": "192.0.2.1:80\r\n"},
        {"html": "<table><tr><td>192.0.2.1</td><td>80</td></tr></table>"},
        {"code": 0, "data": {"table_html": "<tr><td>192.0.2.1</td><td>80</td><td>HTTP</td></tr>\n"}},
        [{"地址": "192.0.2.1", "端口": "80"}],
        'callback({"ip": "192.0.2.1", "port": 80});',
        '[{"ip": "192.0.2.1", "port": 80},]',
        '{"ip": "192.0.2.1", "port": 80, "delay": NaN}',
        '"192.0.2.1:80"',
    ],
)
def test_address_and_port_under_any_usual_name(value: Any) -> None:
    assert found(value) == ONE


@pytest.mark.parametrize(
    "value",
    [
        {"exit_ip": "192.0.2.9", "port": 80},
        [{"export_address": ["192.0.2.9:42721", "192.0.2.8"]}],
        {"origin": "192.0.2.9:80"},
        {"outbound": {"ip": "192.0.2.9"}, "exit": {"ip": "192.0.2.9", "port": 80}},
        {"version": "1.2.3.4", "note": "ask 192.0.2.9:80 about it"},
        {"client": {"ip": "192.0.2.9"}},
        {"judge": "http://192.0.2.9:80"},
        [],
        {},
        "null",
        [1, 2.5, True, None],
        {"url": "https://example.com/page", "port": None},
        [{"type": "vmess", "server": "192.0.2.9", "port": 443}],
        [{"type": "shadowsocks", "server": "192.0.2.9", "server_port": 443}],
    ],
)
def test_what_is_no_proxy_stays_out(value: Any) -> None:
    assert found(value) == []


def test_a_validated_list_entry_is_read_with_all_it_says() -> None:
    entry = {
        "protocol": "socks5",
        "username": "user",
        "password": "pass",
        "host": "192.0.2.1",
        "port": 1080,
        "timeout": 0.18,
        "exit_ip": "192.0.2.99",
        "asn": {"autonomous_system_number": 64500},
        "geolocation": {
            "city": {"names": {"en": "Town"}},
            "continent": {"code": "EU"},
            "country": {"iso_code": "RU", "names": {"en": "Russia"}},
            "registered_country": {"iso_code": "US"},
        },
    }
    (candidate,) = extract(json.dumps([entry]).encode()).candidates
    assert str(candidate.endpoint) == "192.0.2.1:1080"
    assert candidate.scheme is Scheme.SOCKS5
    assert candidate.credentials == Credentials("user", "pass")
    assert candidate.country == "RU"


@pytest.mark.parametrize(
    "fields",
    [
        {"country": "us"},
        {"country_code": "US", "country": "United States"},
        {"countryCode": "US"},
        {"ip_data": {"countryCode": "US"}},
        {"geo": {"country": {"code": "US", "name": "United States"}}},
        {"location": {"country": "US"}},
        {"code": "US"},
    ],
)
def test_country_codes_under_usual_names(fields: dict[str, Any]) -> None:
    (candidate,) = extract(json.dumps([{"ip": "192.0.2.1", "port": 80, **fields}]).encode()).candidates
    assert candidate.country == "US"


@pytest.mark.parametrize(
    ("fields", "schemes"),
    [
        ({"protocol": "http"}, [Scheme.HTTP]),
        ({"protocol": "https"}, [Scheme.HTTP]),
        ({"protocols": ["http", "https"]}, [Scheme.HTTP]),
        ({"protocols": ["socks4", "socks5"]}, [Scheme.SOCKS4, Scheme.SOCKS5]),
        ({"type": "HTTP, SOCKS5"}, [Scheme.HTTP, Scheme.SOCKS5]),
        ({"type": "elite"}, [None]),
        ({"type": "high_anonymous", "protocol": "Socks4"}, [Scheme.SOCKS4]),
        ({"type": 2}, [None]),
        ({"http": 0, "ssl": 0, "socks4": 1, "socks5": 1}, [Scheme.SOCKS4, Scheme.SOCKS5]),
        ({"http": True, "socks5": False}, [Scheme.HTTP]),
        ({"protocols": {"http": True, "socks5": True}}, [Scheme.HTTP, Scheme.SOCKS5]),
        ({"proxy": "https://192.0.2.1:80"}, [Scheme.HTTP]),
        ({"proxy": "socks5://192.0.2.1:80"}, [None]),
        ({"type": "http", "server": "192.0.2.1", "tls": {"enabled": True}}, [Scheme.HTTPS]),
        ({"type": "socks"}, [None]),
    ],
)
def test_the_protocol_field_claims_schemes(fields: dict[str, Any], schemes: list[Scheme | None]) -> None:
    if fields.get("proxy", "").startswith(("socks5", "https")):
        candidates = extract(json.dumps([fields]).encode()).candidates
        expected = [Scheme.SOCKS5] if "socks5" in fields["proxy"] else schemes
        assert [candidate.scheme for candidate in candidates] == expected
        return
    candidates = extract(json.dumps([{"ip": "192.0.2.1", "port": 80, **fields}]).encode()).candidates
    assert [candidate.scheme for candidate in candidates] == schemes


def test_sing_box_outbounds() -> None:
    config = {
        "log": {"level": "info"},
        "dns": {"servers": [{"address": "192.0.2.53", "port": 53}]},
        "outbounds": [
            {"type": "selector", "tag": "proxy", "outbounds": ["a", "b"]},
            {"type": "http", "tag": "a", "server": "192.0.2.1", "server_port": 80, "username": "u", "password": "p"},
            {"type": "http", "tag": "t", "server": "192.0.2.1", "server_port": 443, "tls": {"enabled": True}},
            {"type": "socks", "tag": "b", "server": "192.0.2.2", "server_port": 1080},
            {"type": "socks", "tag": "c", "server": "192.0.2.3", "server_port": 1080, "version": "4a"},
            {"type": "vless", "server": "192.0.2.9", "server_port": 443, "uuid": "x"},
            {"type": "direct", "tag": "direct"},
        ],
    }
    read = extract(json.dumps(config, indent=2).encode())
    assert [(str(c.endpoint), c.scheme, c.credentials) for c in read.candidates] == [
        ("192.0.2.1:80", Scheme.HTTP, Credentials("u", "p")),
        ("192.0.2.1:443", Scheme.HTTPS, None),
        ("192.0.2.2:1080", Scheme.SOCKS5, None),
        ("192.0.2.3:1080", Scheme.SOCKS4A, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"ip":"192.0.2.1","port":80}\n{"ip":"192.0.2.2","port":81}\n',
        '\ufeff{"ip":"192.0.2.1","port":80}\r\n{"ip":"192.0.2.2","port":81}',
        '{"ip":"192.0.2.1","port":80}{"ip":"192.0.2.2","port":81}',
        '["192.0.2.1:80"]\n["192.0.2.2:81"]',
        '{"ip":"192.0.2.1",\n"port":80}\n{"ip":"192.0.2.2",\n"port":81}',
        '{"ip":"192.0.2.1","port":80},\n{"ip":"192.0.2.2","port":81},',
    ],
)
def test_json_lines_and_values_in_a_row(text: str) -> None:
    read = extract(text.encode())
    assert [str(candidate.endpoint) for candidate in read.candidates] == TWO
    assert read.refused == {}


@pytest.mark.parametrize(
    "text",
    [
        '[{"ip":"192.0.2.1","port":80},{"ip":"192.0.2.2","port":81},{"ip":"192.0.2.3","po',
        '{"data":[{"ip":"192.0.2.1","port":80},\n{"ip":"192.0.2.2","port":81},{"ip":"192.0.2.3"',
        '{"data":["192.0.2.1:80","192.0.2.2:81","192.0.2',
        '{"ip":"192.0.2.1","port":80}\n{"ip":"192.0.2.2","port":81}\n{"ip":"192.0.2.3","p',
    ],
)
def test_a_cut_off_document_yields_what_is_whole(text: str) -> None:
    read = extract(text.encode())
    assert [str(candidate.endpoint) for candidate in read.candidates] == TWO
    assert read.refused == {"malformed": 1}


def test_faults_in_records_are_counted_by_reason() -> None:
    value = [
        {"ip": "192.0.2.1", "port": 0},
        {"ip": "192.0.2.1", "port": "8O80"},
        {"ip": "999.1.1.1", "port": 80},
        {"ip": "192.0.2.1", "port": 80},
        {"ip": "192.0.2.1", "port": 80},
    ]
    read = extract(json.dumps(value).encode())
    assert len(read.candidates) == 1
    assert read.refused == {"bad_port": 2, "bad_address": 1, "duplicate": 1}


def test_deep_nesting_ends() -> None:
    deep = "[" * 200_000 + "]" * 200_000
    assert extract(deep.encode()).candidates == []
    assert extract(("[" * 200_000).encode()).candidates == []
    assert extract(b'{"a":' * 50_000).candidates == []
