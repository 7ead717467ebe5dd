"""Address and port as pieces of code write them, ``("192.0.2.1", 80)``, or as scanners report: ``80/tcp on ...``."""

from __future__ import annotations

import re

Pair = tuple[str, str, str]
"""Host, port and the rest of the group, which may name the scheme."""

_QUAD = r"\d{1,3}(?:\.\d{1,3}){3}"
_NAMED = (
    rf"""["']?\w{{0,12}}?(?:ip|host|addr|address|server)["']?\s{{0,3}}(?:=>|[:=])\s{{0,3}}["']({_QUAD})["']"""
    r"""[^()\[\]{}]{1,80}?["']?\w{0,12}?port["']?\s{0,3}(?:=>|[:=])\s{0,3}["']?(\d{1,5})(?!\d)([^()\[\]{}]{0,120})"""
)
_ROW = rf"""["'`]({_QUAD})["'`]\s?(?:,|=>|:)\s{{0,3}}["'`]?(\d{{1,5}})["'`]?\s?(?=[,)\]\}}]|$)([^()\[\]{{}}]{{0,99}})"""
_BARE = re.compile(
    rf"(?<![A-Za-z_])(?:\w{{0,12}}proxy_?)?(?:ip|host|server|addr|address)=({_QUAD})[\s,;&].{{0,60}}?"
    r"(?<![A-Za-z])(?:\w{0,12}proxy_?)?port=(\d{1,5})(?!\d)",
    re.IGNORECASE,
)
_CODE = re.compile(rf"{_NAMED}|{_ROW}", re.IGNORECASE)
_OPEN_ON = re.compile(
    rf"\bopen (?:port )?(?:tcp )?(\d{{1,5}})(?:/tcp)?(?: on)? ({_QUAD})(?![\w.])|\b(\d{{1,5}})/tcp\s+open\s+({_QUAD})",
    re.IGNORECASE,
)
_REPORT = re.compile(rf"\bHost: ({_QUAD})\b.{{0,300}}?\bPorts: (.{{1,3000}})")
_SERVICE = re.compile(r"(\d{1,5})/open/tcp//([^/]{0,40})/")
_PROXY_SERVICE = re.compile(r"proxy|socks|squid|http|polipo|privoxy|unknown|^\W*$", re.IGNORECASE)


def code_pairs(line: str) -> list[Pair]:
    """Every pair of the line, in order; none for a line that is written in another way."""
    if "open" in line:
        if report := _REPORT.search(line):
            found = [(match[1], match[2]) for match in _SERVICE.finditer(report[2])]
            return [(report[1], port, "") for port, service in found if _PROXY_SERVICE.search(service)]
        if scan := _OPEN_ON.search(line):
            return [(scan[2] or scan[4], scan[1] or scan[3], "")]
    if "=" in line and (bare := [(m[1], m[2], "") for m in _BARE.finditer(line)]):
        return bare
    if '"' not in line and "'" not in line and "`" not in line:
        return []
    return [(m[1] or m[4], m[2] or m[5], m[3] or m[6] or "") for m in _CODE.finditer(line)]


_SCAN_REPORT = re.compile(rf"Nmap scan report for (?:\S+ \()?({_QUAD})\)?\s*")
_SCAN_PORT = re.compile(r"(\d{1,5})/tcp\s+open\s+(\S*).*")


def scanned_host(line: str) -> str | None:
    """The address that a scanner's report is about to list the ports of."""
    match = _SCAN_REPORT.fullmatch(line) if line.startswith("Nmap") else None
    return match[1] if match else None


def scanned_port(line: str) -> str | None:
    """The open port of a line below it, if its service may be a proxy."""
    match = _SCAN_PORT.fullmatch(line) if "/tcp" in line else None
    return match[1] if match and _PROXY_SERVICE.search(match[2]) else None
