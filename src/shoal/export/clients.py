"""Settings of programs that take proxies. What a form cannot say is left out rather than said wrongly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from shoal.domain import Capability, Pick, Scheme

_SOCKS_VERSIONS = {Scheme.SOCKS4: "4", Scheme.SOCKS4A: "4a", Scheme.SOCKS5: "5"}
_PAC_WORDS = {Scheme.HTTP: "PROXY", Scheme.HTTPS: "HTTPS", Scheme.SOCKS4: "SOCKS", Scheme.SOCKS5: "SOCKS5"}
_PAC_LIMIT = 50
"""Entries: browsers read the whole answer for every request and try few of them."""
_NO_PROXY_AT_ALL = "PROXY 127.0.0.1:9"
"""Nothing listens on the discard port: a page fails then, instead of showing the user's own address."""
_PLAIN_WORD = re.compile(r"[!-~]+")


def clash(picks: Sequence[Pick], secrets: bool) -> str:
    """A proxy provider of mihomo and Clash: YAML with http and socks5; they know no socks4."""
    lines = ["proxies:"]
    for pick, name in _named(_usable(picks, secrets)):
        scheme = pick.proxy.scheme
        if scheme in (Scheme.SOCKS4, Scheme.SOCKS4A):
            continue
        fields = [
            f"name: {_yaml(name)}",
            f"type: {'socks5' if scheme is Scheme.SOCKS5 else 'http'}",
            f"server: {_yaml(pick.proxy.endpoint.host)}",
            f"port: {pick.proxy.endpoint.port}",
        ]
        if pick.proxy.credentials is not None:
            fields.append(f"username: {_yaml(pick.proxy.credentials.username)}")
            fields.append(f"password: {_yaml(pick.proxy.credentials.password)}")
        if scheme is Scheme.HTTPS:
            fields.append("tls: true")
        lines.append(f"  - {{{', '.join(fields)}}}")
    if len(lines) == 1:
        lines = ["proxies: []"]
    return "\n".join(lines) + "\n"


def _yaml(text: str) -> str:
    """A double-quoted scalar (YAML 1.2 section 5.7); JSON's pairs of surrogates would be two characters in it."""

    def escaped(char: str) -> str:
        if char in '"\\':
            return "\\" + char
        if " " <= char <= "~":
            return char
        code = ord(char)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return '"' + "".join(map(escaped, text)) + '"'


def sing_box(picks: Sequence[Pick], secrets: bool) -> str:
    """``outbounds`` of sing-box, and with any a group ``shoal`` that takes the fastest."""
    outbounds: list[dict[str, object]] = []
    for pick, name in _named(_usable(picks, secrets)):
        scheme, endpoint, credentials = pick.proxy.scheme, pick.proxy.endpoint, pick.proxy.credentials
        outbound: dict[str, object] = {
            "type": "socks" if scheme in _SOCKS_VERSIONS else "http",
            "tag": name,
            "server": endpoint.host,
            "server_port": endpoint.port,
        }
        if scheme in _SOCKS_VERSIONS:
            outbound["version"] = _SOCKS_VERSIONS[scheme]
        if credentials is not None:
            outbound |= {"username": credentials.username, "password": credentials.password}
        if scheme is Scheme.HTTPS:
            outbound["tls"] = {"enabled": True, "server_name": endpoint.host}
        outbounds.append(outbound)
    if outbounds:
        outbounds.append({"type": "urltest", "tag": "shoal", "outbounds": [one["tag"] for one in outbounds]})
    return json.dumps({"outbounds": outbounds}, indent=2) + "\n"


def proxychains(picks: Sequence[Pick], secrets: bool) -> str:
    """A whole proxychains.conf: one hop, drawn at random, of http, socks4 and socks5 at numeric IPv4 addresses."""
    lines = ["random_chain", "chain_len = 1", "proxy_dns", "tcp_read_time_out 15000", "tcp_connect_time_out 8000"]
    lines.append("[ProxyList]")
    for pick in _usable(picks, secrets):
        scheme, endpoint, credentials = pick.proxy.scheme, pick.proxy.endpoint, pick.proxy.credentials
        if scheme is Scheme.HTTPS or not _is_ipv4(endpoint.host):
            continue
        words = ["socks4" if scheme is Scheme.SOCKS4A else scheme.value, endpoint.host, str(endpoint.port)]
        if credentials is not None:
            secret = [credentials.username, credentials.password]
            if not all(_PLAIN_WORD.fullmatch(word) and not word.startswith("#") for word in secret):
                continue  # its file has no way to quote
            words += secret
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def pac(picks: Sequence[Pick], secrets: bool) -> str:
    """A proxy auto-configuration file. Each host keeps to one order of the list; no entry says DIRECT, as that leaks.

    The form has no place for passwords: proxies that need one are left out.
    """
    entries = [
        f"{_PAC_WORDS[pick.proxy.scheme]} {pick.proxy.endpoint}"
        for pick in picks
        if pick.proxy.credentials is None and pick.proxy.scheme in _PAC_WORDS
    ]
    entries = list(dict.fromkeys(entries))[:_PAC_LIMIT] or [_NO_PROXY_AT_ALL]
    listed = ",\n".join(f"  {json.dumps(entry)}" for entry in entries)
    return (
        f"var proxies = [\n{listed}\n];\n\n"
        "function FindProxyForURL(url, host) {\n"
        "  var sum = 0;\n"
        "  for (var i = 0; i < host.length; i++) sum = (sum * 31 + host.charCodeAt(i)) % 65521;\n"
        "  var start = sum % proxies.length;\n"
        '  return proxies.slice(start).concat(proxies.slice(0, start)).join("; ");\n'
        "}\n"
    )


def curl(picks: Sequence[Pick], secrets: bool) -> str:
    """A file for ``curl -K``: the first proxy, as curl uses one."""
    for pick in _usable(picks, secrets):
        return f'proxy = "{_curl_url(pick)}"\n'
    return "# no proxy fits\n"


def haproxy(picks: Sequence[Pick], secrets: bool) -> str:
    """A backend a scheme, in TCP mode: clients behind it speak to the proxy as if there were one.

    HAProxy adds no credentials: proxies that need them are left out.
    """
    by_scheme: dict[Scheme, list[str]] = {}
    for pick in picks:
        if pick.proxy.credentials is None:
            by_scheme.setdefault(pick.proxy.scheme, []).append(str(pick.proxy.endpoint))
    parts = []
    for scheme, endpoints in by_scheme.items():
        servers = "".join(
            f"    server p{number} {endpoint}\n" for number, endpoint in enumerate(dict.fromkeys(endpoints), 1)
        )
        parts.append(
            f"backend shoal_{scheme.value}\n"
            "    mode tcp\n"
            "    balance roundrobin\n"
            "    retries 3\n"
            "    option redispatch 1\n"
            "    timeout connect 8s\n"
            "    timeout server 10m\n"
            # A name that cannot be resolved would keep HAProxy from starting.
            "    default-server check init-addr last,libc,none\n"
            f"{servers}"
        )
    return "\n".join(parts) if parts else "# no proxy fits\n"


def env(picks: Sequence[Pick], secrets: bool) -> str:
    """Environment lines: the first proxy that forwards, the first with a verified tunnel, for shells and containers.

    Their characters need no quoting: a URL's user and password are percent-encoded.
    """
    usable = list(_usable(picks, secrets))
    lines = []
    for name, capability in (("http_proxy", Capability.FORWARD), ("https_proxy", Capability.TUNNEL)):
        pick = next((pick for pick in usable if capability in pick.path.capabilities), None)
        if pick is not None:
            lines += [f"{name}={_curl_url(pick)}", f"{name.upper()}={_curl_url(pick)}"]
    if not lines:
        return "# no proxy fits\n"
    lines += [f"{name}=localhost,127.0.0.1,::1" for name in ("no_proxy", "NO_PROXY")]
    return "\n".join(lines) + "\n"


def _usable(picks: Sequence[Pick], secrets: bool) -> Iterator[Pick]:
    """A program can do nothing with a hidden password."""
    return (pick for pick in picks if secrets or pick.proxy.credentials is None)


def _named(picks: Iterator[Pick]) -> Iterator[tuple[Pick, str]]:
    """Each with a name of its own."""
    taken: set[str] = set()
    for pick in picks:
        country = pick.path.country or pick.record.country
        base = f"{country + ' ' if country else ''}{pick.proxy.scheme.value} {pick.proxy.endpoint}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base} #{number}"
        taken.add(name)
        yield pick, name


def _curl_url(pick: Pick) -> str:
    """socks5h: the proxy resolves names, where it is known to be able to."""
    url = pick.proxy.url(secrets=True)
    remote = pick.proxy.scheme is Scheme.SOCKS5 and Capability.REMOTE_DNS in pick.path.capabilities
    return url.replace("socks5://", "socks5h://", 1) if remote else url


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True
