"""Lines of plain text: one entry a line, several a line, annotated, bulleted, in running text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs

from msgspec.structs import replace

from shoal.domain import Candidate, Credentials, Endpoint, Refused, Scheme
from shoal.sources.extract.entry import (
    Reading,
    build,
    has_control,
    is_host,
    is_v4,
    port_number,
    read_scheme,
    read_token,
)
from shoal.sources.extract.labels import ADDRESS, PORT, SCHEMES, country_field, normal, scheme_words

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# One pass over the commonest spelling; everything else takes the long way.
_PLAIN: Callable[[str], re.Match[str] | None] = re.compile(
    rf"(?:(https?|socks[45])://)?({_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}):(\d{{1,5}})[ \t\r]*", re.ASCII
).fullmatch
_ADDRESS = re.compile(r"(?<![\w.])\d{1,10}(?:\.\d{1,10}){3,}(?![\w.]*\.\d)")
_INSIDE = re.compile(r"(?<![\d.])(?<!\d[a-z_-])(\d{1,10}(?:\.\d{1,10}){3,}):(\d[\w]*|[^\s\w]?\d+)", re.IGNORECASE)
_APART = re.compile(
    r"(?:^|[\[(]|(?:ip|host|address|addr|server|proxy|地址|адрес)\s*[:=]?\s*[\"']?)(\d{1,3}(?:\.\d{1,3}){3})"
    r"[\s,;|()\[\]\"'-]{0,4}(?:port|порт|puerto|porta|端口|ポート|포트)\w{0,3}[\s:=\"'#]{0,5}(\d{1,5})(?![\w.])",
    re.IGNORECASE,
)
"""Not anywhere in a sentence: "Failed password from 192.0.2.1 port 52344" names a client."""
_COMMENT = re.compile(r"(?:#(?!\d+[.):]?\s)|//|;|<!--|--\s|%%)")
_BULLET = re.compile(r"(?:(?:[-*+>]+|#?\d{1,6}[.)\]:])\s+|#?\d{1,6}(?:[)\]]|\s+(?=\S*[.:]))|[•·●▪►→✅✔️]+\s*)+")
_LABEL = re.compile(r"[\"']?([^\W\d][^:：=\"']{0,24})[\"']?\s*[:：=]\s*(.*)", re.DOTALL)
_ANNOTATION = re.compile(r"\s([A-Z]{2})-[NAH]!?(?:-S!?)?(?=\s|$)")
_URL = re.compile(r"(?:https?|socks[45]?[ah]?)://[^\s\"'<>()\[\]{}|,;]+", re.IGNORECASE)
_QUERY = re.compile(r"socks\?(?=\S*server=([^&\s]+))(?=\S*port=(\d{1,6}))", re.IGNORECASE)
"""Telegram's links: ``tg://socks?server=...&port=...``. Those to ``proxy?`` are MTProto."""
_SPACED = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?:\s*:\s+|\s+:\s*)(\d{1,5})(?![\w.:])")
_DASHED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})\s*[-–—>=]{1,2}\s*(\d{1,5})")
_SEPARATORS = re.compile(r"[,;|]+")
_FIELDS = re.compile(r"[\t,;|]")
_INVISIBLE = {0xFEFF: None, 0x200B: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xAD: None, 0xA0: " ", 0x3000: " "}
_WIDE = str.maketrans(
    {"：": ":", "．": ".", "，": ",", "；": ";", "｜": "|", "＠": "@", "／": "/", "、": ","}
    | {chr(0xFF10 + d): str(d) for d in range(10)}
)


def read_plain(line: str, scheme: Scheme | None) -> Candidate | None:
    """``[scheme://]ipv4:port`` and nothing else: the fast way for a million lines."""
    match = _PLAIN(line)
    if match is None:
        return None
    word, host, digits = match.groups()
    port = int(digits)
    if not 0 < port < 65536:
        return None
    return Candidate(Endpoint(host, port), SCHEMES[word] if word else scheme, None, None, line.rstrip())


def read_line(line: str, scheme: Scheme | None = None, *, prose: bool = False) -> Iterator[Reading]:
    """The readings of one line. In ``prose`` names without a scheme are words and odd lines are no faults."""
    plain = read_plain(line, scheme)
    if plain is not None:
        yield plain
        return
    if has_control(line.rstrip("\r\n\x1a")):
        yield None if prose or not line.strip() else Refused.MALFORMED
        return
    if not line.isascii():
        line = line.translate(_INVISIBLE).translate(_WIDE)
    line = line.strip()
    if not line:
        return
    if _COMMENT.match(line):
        if not prose and _INSIDE.search(line):
            # An entry somebody switched off: counted, so that the sum of a file's lines comes out.
            yield Refused.MALFORMED
        return
    bullet = _BULLET.match(line)
    if bullet:
        line = line[bullet.end() :]
    yield from _entries(line, scheme, prose)


def _entries(line: str, scheme: Scheme | None, prose: bool) -> Iterator[Reading]:
    found: list[Candidate] = []
    refused: list[Refused] = []
    words = line.split()
    if len(words) > 2 and words[0].lower() in SCHEMES and is_host(words[1]) and port_number(words[2]):
        yield _proxychains(words, scheme, line)
        return
    for position, word in enumerate(words):
        if ":" not in word:
            continue
        names = not prose and (position == 0 or len(words) == 1)
        for reading in _word(word, scheme, names, line if len(words) > 1 else word):
            if isinstance(reading, Candidate):
                if not (prose and len(words) > 1 and _site(reading, word)):
                    found.append(reading)
            elif reading is not None:
                refused.append(reading)
    if not found:
        found, apart_refused = _apart(line, words, scheme, prose)
        refused = refused or apart_refused
    if not found and not refused and not prose and _bare(line, words):
        refused = [Refused.MALFORMED]
    if len(found) == 1:
        yield from _annotated(found[0], line, words)
    else:
        for candidate in found:
            yield replace(candidate, text=str(candidate.endpoint)) if len(found) > 1 and not prose else candidate
    if not prose or not found:
        yield from refused


def _site(candidate: Candidate, word: str) -> bool:
    """In prose, ``http://name:port`` is a link to some page."""
    return not is_v4(candidate.endpoint.host) and ":" not in candidate.endpoint.host and "socks" not in word.lower()


def _word(word: str, scheme: Scheme | None, names: bool, text: str) -> list[Reading]:
    whole = read_token(word, scheme, names=names, text=text)
    pieces = [piece for piece in _SEPARATORS.split(word) if piece]
    if len(pieces) > 1:
        readings = [read_token(piece, scheme, names=names, text=text) for piece in pieces if ":" in piece]
        good = [reading for reading in readings if isinstance(reading, Candidate)]
        if len(good) > 1 or (good and not isinstance(whole, Candidate)):
            return readings
    if isinstance(whole, Candidate):
        return [whole]
    query = _QUERY.search(word)
    if query:
        return [build(query[1], query[2], scheme=Scheme.SOCKS5, credentials=_query_secret(word), text=text)]
    if "://" in word:
        # "http_proxy=http://..." and Markdown links; what starts with a scheme has been read as a whole.
        urls = [] if read_scheme(word) else _URL.findall(word)
        return [read_token(url, scheme, names=names, text=text) for url in urls] or [whole]
    inside = [build(*match.groups(), scheme=scheme, text=text) for match in _INSIDE.finditer(word)]
    return list(inside) or [whole]


def _proxychains(words: list[str], scheme: Scheme | None, line: str) -> Reading:
    """``socks5 host port [user password]``, as proxychains is configured."""
    labels = scheme_words(words[0])
    secret = Credentials(words[3], words[4]) if len(words) == 5 and not words[3].startswith("#") else None
    return build(words[1], words[2], scheme=labels[0] if labels else scheme, credentials=secret, text=line)


def _query_secret(word: str) -> Credentials | None:
    fields = parse_qs(word.partition("?")[2])
    return Credentials(fields["user"][0], fields.get("pass", [""])[0]) if "user" in fields else None


def _apart(line: str, words: list[str], scheme: Scheme | None, prose: bool) -> tuple[list[Candidate], list[Refused]]:
    """Address and port as neighbours: ``host port``, cells of a row, or with the word "port" between."""
    pairs: list[tuple[str, str]] = []
    cells = [cell.strip(" \"'`*\r") for cell in _FIELDS.split(line.strip("| \t"))]
    if len(cells) > 1:
        for index in range(len(cells) - 1):
            if is_host(cells[index], names=index == 0 and not prose) and _portlike(cells[index + 1]):
                pairs.append((cells[index], cells[index + 1]))
    if not pairs and len(words) > 1 and _portlike(words[1].strip(",;|\"'")):
        host = words[0].strip(",;|\"'")
        if _ADDRESS.fullmatch(host) or is_host(host, names=len(words) == 2 and not prose):
            pairs.append((host, words[1].strip(",;|\"'")))
    if not pairs:
        pairs = [(match[1], match[2]) for match in (*_APART.finditer(line), *_SPACED.finditer(line))]
    if not pairs and (dashed := _DASHED.fullmatch(line)):
        pairs = [(dashed[1], dashed[2])]
    readings = [build(host, port, scheme=scheme, text=line) for host, port in pairs]
    return [r for r in readings if isinstance(r, Candidate)], [r for r in readings if isinstance(r, Refused)]


def _portlike(cell: str) -> bool:
    return port_number(cell) is not None or (
        cell[:1].isdigit() and cell.isascii() and cell.isalnum() and len(cell) <= 6
    )


def _bare(line: str, words: list[str]) -> bool:
    """A line that is one address without a port, or one word with one: meant as an entry."""
    return len(words) == 1 and (
        _ADDRESS.fullmatch(line) is not None or re.fullmatch(r"[\w-]+:\d{2,5}", line) is not None
    )


def _annotated(candidate: Candidate, line: str, words: list[str]) -> Iterator[Candidate]:
    """The one entry of a line with what the rest of the line says about it: scheme and country."""
    if len(words) == 1 and not _SEPARATORS.search(line):
        yield candidate
        return
    host = candidate.endpoint.host
    at = line.find(host)
    tail = line[at + len(host) :].lstrip("]") if at >= 0 else ""
    tail = re.sub(r"^[:\s,;|]*\d{1,5}", "", tail, count=1)
    match = _ANNOTATION.match(" " + tail.lstrip())
    fields = [field.strip("\"'`[]()") for field in re.split(r"[\s,;|#]+", tail) if field]
    country = match[1] if match else country_field(fields)
    if candidate.country is None and country is not None:
        candidate = replace(candidate, country=country)
    before = line[: max(at, 0)]
    told = " ".join(fields[:12]) + (f" {before}" if len(before) < 40 else "")
    schemes = None if "://" in line else scheme_words(told)
    if country is None and len(before) < 40:
        country = country_field(re.split(r"[\s,;|]+", before)[1:])
        candidate = replace(candidate, country=candidate.country or country)
    if not schemes:
        yield candidate
        return
    for scheme in schemes:
        yield replace(candidate, scheme=scheme)


class LineReader:
    """Reads line after line; an address alone on its line waits for a port alone on the next."""

    def __init__(self, scheme: Scheme | None) -> None:
        self._scheme = scheme
        self._waiting = ""

    def read(self, line: str) -> Iterator[Reading]:
        label, value = labelled(line.strip().lstrip("- "))
        if self._waiting:
            host, self._waiting = self._waiting, ""
            if (not label or label in PORT) and _portlike(value.strip("\"',")):
                yield build(host, value.strip("\"',"), scheme=self._scheme)
                return
            yield Refused.MALFORMED
        if is_v4(value.strip("\"',")) and (not label or label in ADDRESS):
            self._waiting = value.strip("\"',")
            return
        yield from read_line(line, self._scheme)

    def end(self) -> Iterator[Reading]:
        if self._waiting:
            self._waiting = ""
            yield Refused.MALFORMED


def labelled(text: str) -> tuple[str, str]:
    """``Port: 80`` as the normalised label and the value; no label where there is none."""
    match = _LABEL.fullmatch(text)
    return (normal(match[1]), match[2].strip()) if match else ("", text)


def read_text(text: str, scheme: Scheme | None, limit: int) -> Iterator[Reading]:
    """Every line of a text; lines above ``limit`` characters are refused whole."""
    reader = LineReader(scheme)
    for line in text.splitlines() if "\r" in text else text.split("\n"):
        if len(line) > limit:
            yield Refused.TOO_LONG
            continue
        plain = read_plain(line, scheme)
        if plain is not None:
            yield plain
        else:
            yield from reader.read(line)
    yield from reader.end()
