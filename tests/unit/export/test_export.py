from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shoal.domain import Capability, Credentials, Endpoint, Forecast, Pick, Scheme
from shoal.export import Format, content_type, export
from shoal.sources.extract import extract
from shoal.testing.builders import make_path, make_record

BOTH = frozenset({Capability.FORWARD, Capability.TUNNEL})
SECRETS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


def pick(
    number: int = 1,
    scheme: Scheme = Scheme.HTTP,
    *,
    credentials: Credentials | None = None,
    capabilities: frozenset[Capability] = BOTH,
    host: str | None = None,
    tags: tuple[str, ...] = (),
) -> Pick:
    path = make_path(scheme, capabilities=capabilities)
    record = make_record(number, paths=(path,), credentials=credentials, tags=tags)
    if host is not None:
        record = replace(record, endpoint=Endpoint(host, 8080))
    return Pick(record, path, record.proxy(scheme), Forecast(0.9, 0.5))


EVERY = [pick(number, scheme) for number, scheme in enumerate(Scheme, 1)]
OWN = pick(9, Scheme.SOCKS5, credentials=Credentials("me", "p@ss word"))


def clash(*picks: Pick, secrets: bool = False) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(export(picks, Format.CLASH, secrets=secrets))["proxies"]
    return found


def sing_box(*picks: Pick, secrets: bool = False) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(export(picks, Format.SING_BOX, secrets=secrets))["outbounds"]
    return found


@pytest.mark.parametrize("format", list(Format))
@pytest.mark.parametrize("picks", [[], EVERY, [*EVERY, OWN]])
def test_no_form_shows_a_password_unasked(format: Format, picks: list[Pick]) -> None:
    text = export(picks, format)
    assert "ss word" not in text and "p%40ss" not in text
    assert text.endswith("\n") or text == ""
    assert "/" in content_type(format)


def test_txt_and_plain() -> None:
    assert export([pick(1), OWN], Format.TXT) == "http://127.0.0.1:8080\nsocks5://me:***@127.0.0.9:8080\n"
    assert export([pick(1), pick(1, Scheme.SOCKS5)], Format.PLAIN) == "127.0.0.1:8080\n"
    assert export([OWN], Format.PLAIN, secrets=True) == "me:p%40ss%20word@127.0.0.9:8080\n"


@pytest.mark.parametrize("format", [Format.TXT, Format.JSON, Format.JSONL, Format.CSV, Format.CLASH, Format.PAC])
def test_our_own_reader_of_lists_finds_what_was_written(format: Format) -> None:
    picks = [pick(1), pick(2, Scheme.SOCKS5)]
    found = extract(export(picks, format).encode()).candidates
    assert {(one.endpoint, one.scheme) for one in found} == {(p.proxy.endpoint, p.proxy.scheme) for p in picks}


def test_rows_hold_what_is_known() -> None:
    (row,) = json.loads(export([pick(1, tags=("a", "b"))], Format.JSON))
    assert (row["proxy"], row["capabilities"], row["forecast"]) == ("http://127.0.0.1:8080", ["forward", "tunnel"], 0.9)
    assert row["last_ok"] == "1970-01-01T00:16:40Z"
    assert [json.loads(line)["port"] for line in export(EVERY, Format.JSONL).splitlines()] == [8080] * len(Scheme)


@given(st.sampled_from(["=", "+", "-", "@", "\t", "\r", ""]), st.text(max_size=10))
def test_no_cell_of_csv_is_a_formula(start: str, rest: str) -> None:
    text = export([pick(1, tags=(start + rest,)), pick(2, credentials=Credentials(start + rest))], Format.CSV)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 3
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)


def test_clash_has_what_mihomo_knows() -> None:
    found = clash(*EVERY)
    assert [(one["type"], one["server"], one["port"]) for one in found] == [
        ("http", "127.0.0.1", 8080),
        ("http", "127.0.0.2", 8080),
        ("socks5", "127.0.0.5", 8080),
    ]
    assert [one.get("tls") for one in found] == [None, True, None]
    assert clash() == []


@given(SECRETS, SECRETS)
def test_credentials_reach_a_program_as_they_are(user: str, password: str) -> None:
    own = pick(1, credentials=Credentials(user, password))
    for one, *_ in (clash(own, secrets=True), sing_box(own, secrets=True)):
        assert (one["username"], one["password"]) == (user, password)
    assert clash(own) == []


def test_names_are_unique() -> None:
    twice = [pick(1, credentials=Credentials(user, "x")) for user in ("a", "b")]
    assert len({one["name"] for one in clash(*twice, secrets=True)}) == 2


_LOGIN = {"username": str, "password": str}
_SING_BOX = {  # sing-box.sagernet.org/configuration/outbound/{http,socks,urltest}
    "http": ({"type": str, "tag": str, "server": str, "server_port": int}, {**_LOGIN, "tls": dict}),
    "socks": ({"type": str, "tag": str, "server": str, "server_port": int, "version": str}, _LOGIN),
    "urltest": ({"type": str, "tag": str, "outbounds": list}, {}),
}
_CLASH = {  # wiki.metacubex.one/en/config/proxies/{http,socks}
    "http": ({"name": str, "type": str, "server": str, "port": int}, {**_LOGIN, "tls": bool}),
    "socks5": ({"name": str, "type": str, "server": str, "port": int}, _LOGIN),
}


@pytest.mark.parametrize("secrets", [False, True])
@pytest.mark.parametrize(("read", "known"), [("sing_box", _SING_BOX), ("clash", _CLASH)])
def test_every_field_is_one_that_the_program_knows(secrets: bool, read: str, known: dict[str, Any]) -> None:
    entries = {"sing_box": sing_box, "clash": clash}[read](*EVERY, OWN, pick(7, host="::1"), secrets=secrets)
    assert len(entries) >= 4
    for entry in entries:
        needed, more = known[entry["type"]]
        assert set(needed) <= set(entry) <= {*needed, *more}
        assert all(type(value) is {**needed, **more}[name] for name, value in entry.items())
        assert 0 < entry.get("port", entry.get("server_port", 1)) < 65_536
        assert entry.get("version", "5") in ("4", "4a", "5")
        assert ("username" in entry) is ("password" in entry)


def test_sing_box_outbounds() -> None:
    found = sing_box(*EVERY)
    assert [(one["type"], one.get("version")) for one in found] == [
        ("http", None), ("http", None), ("socks", "4"), ("socks", "4a"), ("socks", "5"), ("urltest", None),
    ]  # fmt: skip
    assert found[1]["tls"] == {"enabled": True, "server_name": "127.0.0.2"}
    assert found[-1]["outbounds"] == [one["tag"] for one in found[:-1]]
    assert sing_box() == []


def test_proxychains_lists_what_it_can_use() -> None:
    picks = [*EVERY, pick(6, host="::1"), pick(7, host="proxy.example"), OWN]
    picks.append(pick(8, Scheme.SOCKS5, credentials=Credentials("u", "p")))
    listed = export(picks, Format.PROXYCHAINS, secrets=True).partition("[ProxyList]\n")[2]
    assert listed.splitlines() == [
        "http 127.0.0.1 8080",
        "socks4 127.0.0.3 8080",
        "socks4 127.0.0.4 8080",
        "socks5 127.0.0.5 8080",
        "socks5 127.0.0.8 8080 u p",
    ]


def test_a_pac_file_never_goes_direct() -> None:
    assert "DIRECT" not in export(EVERY, Format.PAC)
    assert '"PROXY 127.0.0.1:9"' in export([OWN], Format.PAC, secrets=True)
    assert '"PROXY [::1]:8080"' in export([pick(1, host="::1")], Format.PAC)


def test_curl_and_env_name_the_best() -> None:
    dns = pick(3, Scheme.SOCKS5, capabilities=BOTH | {Capability.REMOTE_DNS})
    assert export([dns, pick(1)], Format.CURL) == 'proxy = "socks5h://127.0.0.3:8080"\n'
    plain = pick(1, capabilities=frozenset({Capability.FORWARD}))
    assert export([plain, dns], Format.ENV).splitlines()[::2] == [
        "http_proxy=http://127.0.0.1:8080",
        "https_proxy=socks5h://127.0.0.3:8080",
        "no_proxy=localhost,127.0.0.1,::1",
    ]
    assert export([], Format.CURL) == export([OWN], Format.ENV) == "# no proxy fits\n"


def test_haproxy_has_a_backend_a_scheme() -> None:
    text = export([pick(1), pick(2), pick(3, Scheme.SOCKS5), OWN], Format.HAPROXY, secrets=True)
    assert text.count("backend ") == 2
    assert "server p2 127.0.0.2:8080" in text
    assert "127.0.0.9" not in text
