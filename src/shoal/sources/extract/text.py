"""Lines of plain text: one entry a line, several a line, annotated, bulleted, in running text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, unquote

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
from shoal.sources.extract.escapes import unpacked
from shoal.sources.extract.labels import SCHEMES, country_field, normal, scheme_words
from shoal.sources.extract.literals import Pair, code_pairs
from shoal.sources.extract.settings_line import settings_line

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# One pass over the commonest spelling; everything else takes the long way.
_PLAIN: Callable[[str], re.Match[str] | None] = re.compile(
    rf"(?:(https?|socks[45])://)?({_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}):(\d{{1,5}})[ \t\r]*", re.ASCII
).fullmatch
_ADDRESS = re.compile(r"(?<![\w.])\d{1,10}(?:\.\d{1,10}){3,}(?![\w.]*\.\d)")
_INSIDE = re.compile(
    r"(?<![\d.])(?<!\d[a-z_-])(?<!\bv)(\d{1,10}(?:\.\d{1,10}){3,}):(\d[\w]*|[^\s\w]?\d+)", re.IGNORECASE
)
_APART = re.compile(
    r"(?:^|[\[(]|(?:ip|host|address|addr|server|proxy|地址|адрес)\s*[:=]?\s*[\"']?)(\d{1,3}(?:\.\d{1,3}){3})"
    r"[\s,;|()\[\]\"'-]{0,4}(?:port|порт|puerto|porta|端口|ポート|포트)\w{0,3}[\s:=\"'#]{0,5}(\d{1,5})(?![\w.])",
    re.IGNORECASE,
)
"""Not anywhere in a sentence: "Failed password from 192.0.2.1 port 52344" names a client."""
_COMMENT = re.compile(r"(?:#(?!\d+[.):]?\s)|//|;|<!--|--\s|%%)")
_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_LOG = re.compile(
    r"(?:^|[\s\"'])(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH|CONNECT|PROPFIND)\s+(?:/|\*\s|https?://|[\w.-]+:\d)|(?:^|\s)TCP_(?:MISS|HIT|TUNNEL|DENIED)"
    r"|(?:^|\s)(?:LISTEN|ESTAB|ESTABLISHED|TIME_WAIT|CLOSE_WAIT|LAST_ACK|SYN_SENT|SYN_RECV|FIN_WAIT_?\d?)(?=\s|$)"
    r"|[a-z](?:Exception|Error): |[Cc]onnect(?:ion|ed) from\s|\[AF_INET6?\]|\bSIP/2\.0\b|\bsips?:"
)
"""A line of a server's log: its addresses are clients and their targets."""
_LOG_HINTS = (
    *("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND", "TCP_", "LISTEN", "ESTAB"),
    *("_WAIT", "LAST_ACK", "SYN_", "Exception: ", "Error: ", "onnect", "AF_INET", "SIP/2.0", "sip:", "sips:"),
)
"""One of these is in every such line; asking for them costs a tenth of the search."""
_DIRECTIVE = re.compile(
    r"(?:listen|resolver|server|upstream)\s+[^\s,]+(?:\s[^;]*)?;$|bind\s|server\s+[A-Za-z][\w.-]*\s+\S+:\d|.{0,200}?(?<![\w])(?:proxy|fastcgi|uwsgi|grpc|scgi)_pass\s|(?:Listen|ListenAddress|<VirtualHost|ProxyPass\w*|RemoteAddr)\s"
)
"""A statement of a server's settings: where it listens and what stands behind it."""
_NODE = re.compile(
    r"(?:[^=:]{1,80}=\s*)?[\"']?(?:ss|ssr|shadowsocksr?|vmess|vless|trojan(?:-go)?|snell|hysteria2?|hy2|tuic(?:-v5)?|wireguard|anytls"
    r"|juicity|naive)[\"']?\s*[,=]",
    re.IGNORECASE,
)
"""A node of Surge, Loon, Quantumult and their kind that speaks a tunnel's own protocol."""
_BULLET = re.compile(r"(?:(?:[-*+>]+|#?\d{1,6}[.)\]:])\s+|#?\d{1,6}(?:[)\]]|\s+(?=\S*[.:]))|[•·●▪►→✅✔️]+\s*)+")
_LABEL = re.compile(r"[\"']?([^\W\d][^:：=\"']{0,24}?)[\"']?(?:\s*(?:=>|->|→|[:：=])|\s+[-–—](?=\s))\s*(.*)", re.DOTALL)
_ANNOTATION = re.compile(r"\s([A-Z]{2})-[NAH]!?(?:-S!?)?(?=\s|$)")
_URL = re.compile(r"(?:https?|socks[45]?[ah]?)://[^\s\"'<>()\[\]{}|,;]+", re.IGNORECASE)
_OTHER_URL = re.compile(r"^[\w.]{1,60}=[\"']?[A-Za-z][A-Za-z0-9+.-]{0,30}(?::[a-z]{1,20})?://")
_QUERY = re.compile(
    r"(?:socks\?|proxy:|[?&;])(?=(?:.{0,300}?[&;?])?(?:server|host|proxy_?ip|ip)=([^&;\s]+))(?=(?:.{0,300}?[&;?])?port=(\d{1,6}))",
    re.IGNORECASE,
)
"""Telegram's links, ``tg://socks?server=...&port=...``, and those of browser extensions."""
_MTPROTO = re.compile(r"(?:tg:(?://)?|t\.me/|telegram\.me/)proxy\?", re.IGNORECASE)
_REMARK = re.compile(
    r"^(?:AS)?\d+(?:[.,]\d+)?(?:ms|s|sec|kb|kb/s|mb|%|h|m|min|d)?$|^\d+[:./-]\d+|anon|elite|transparen|high|low|alive|dead|[^\x21-\x7e]"
    r"|^[\[({<#+]|[-_]?proxy|^(?:up|ok|good|bad|yes|no|true|false|fast|slow)$|T\d\d:",
    re.IGNORECASE,
)
"""What lists say behind an entry that is no secret: numbers, times, degrees of anonymity."""
_SPACED = re.compile(
    r"(?<![\w.])(?<!section )(?<!version )(?<!release )(?<!chapter )(?<!\bver )(?<!\bv )"
    r"(\d{1,3}(?:\.\d{1,3}){3})(?:\s*:\s+|\s+:\s*)(\d{1,5})(?![\w.:])",
    re.IGNORECASE,
)
_DASHED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3})\s*(?:[-–—>=]{1,2}\s*|\((?=\d+\)$))(\d{1,5})\)?")
_PACKED = re.compile(r"\s*[A-Za-z0-9+/]{12,80}={0,2}\s*")
"""A line that may be one entry in base64."""
_COMMAND = re.compile(
    r"curl|wget|pip3?|npm|yarn|git|python3?|node|docker|ssh|chromium|google-chrome|firefox|youtube-dl|yt-dlp|aria2c|scrapy"
    r"|apt|apt-get|go|cargo"
)
_PROXY_FLAG = re.compile(
    r"(?:-x|-e|--?proxy(?:-server)?|--preproxy|--socks[45]a?(?:-hostname)?|--all-proxy|(?:.*\.)?(?:https?\.)?proxy|(?:https?|all|socks)_proxy)",
    re.IGNORECASE,
)
_PROXY_LABEL = re.compile(r"(?:[\w-]+ ){0,2}prox(?:y|ies)\s*[:=]\s*(?=\S+$)", re.IGNORECASE)
_VERSION_WORDS = frozenset(
    ("version", "ver", "v", "release", "build", "section", "chapter", "firmware", "revision", "rev", "版本", "версия")
)
"""Before four numbers with dots that are no address."""
_GLUED = re.compile(r"^[\[({]+(?=[\"'`])|(?<=[\"'`])[\])}]+$")
"""Beginning and end of a list in code, glued to its first and last text."""
_SEPARATORS = re.compile(r"[,;|]+")
_MARKS = re.compile(r"[,;|#]")
_FIELDS = re.compile(r"[\t,;|]|\s&\s")
_BB_CODE = re.compile(
    r"\[/?(?:(?:b|i|u|s|colou?r|size|font|code|quote|center|list|\*)(?:=[^\[\]]{0,60})?|url)\]", re.IGNORECASE
)
INVISIBLE = dict.fromkeys(
    (0xFEFF, 0xAD, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFE0F)
) | {0xA0: " ", 0x202F: " ", 0x3000: " "}
"""Nothing to see: zero width, marks of direction and their kind; and spaces of other widths."""
_WIDE_STOP = re.compile(r"(?<=\d)[。｡](?=\d)")
_WIDE = str.maketrans(
    {
        "：": ":",
        "．": ".",
        "，": ",",
        "；": ";",
        "｜": "|",
        "│": "|",
        "┃": "|",
        "║": "|",
        "＠": "@",
        "／": "/",
        "、": ",",
    }
    | {chr(zero + d): str(d) for zero in (0xFF10, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for d in range(10)}
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
    if "`" in line:
        line = line.replace("`", " ")
    if "[/" in line:
        line = _BB_CODE.sub("", line)
    if "%3" in line and "://" not in line and ":" not in line:
        line = unquote(line)
    elif len(line) > 15 and _PACKED.fullmatch(line) and (inner := unpacked(line)) != line.strip():
        line = inner
    if "\x1b" in line:
        line = _COLOUR.sub("", line)
    if has_control(line.rstrip("\r\n\x1a")):
        yield None if prose or not line.strip() else Refused.MALFORMED
        return
    if not line.isascii():
        line = _WIDE_STOP.sub(".", line.translate(INVISIBLE).translate(_WIDE))
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
    if (any(map(line.__contains__, _LOG_HINTS)) and _LOG.search(line)) or _DIRECTIVE.match(line) or _NODE.match(line):
        if not prose:
            yield Refused.MALFORMED
        return
    words = line.split()
    if len(words) > 1 and "roxy" in line and (marked := _PROXY_LABEL.match(line)):
        # "backup proxy: name:80": what follows stands where an entry stands.
        words = line[marked.end() :].split()
    if len(words) > 2 and (argument := proxy_arguments(words)) is not None:
        yield from (one for one in argument if one is not None)
        return
    if "proxy?" in line and _MTPROTO.search(line):
        yield None if prose else Refused.MALFORMED
        return
    if "socks?" not in line and (pairs := code_pairs(line)):
        yield from _coded(pairs, scheme)
        return
    if len(words) > 2 and (stated := settings_line(words, scheme, line)) is not None:
        yield stated
        return
    for position, word in enumerate(words):
        if found and word in ("#", "//"):
            # A remark may name a judge or a target.
            break
        if ":" not in word:
            continue
        if prose and position and words[position - 1].strip(":.,(").lower() in _VERSION_WORDS:
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


def _coded(pairs: list[Pair], scheme: Scheme | None) -> Iterator[Reading]:
    """Pairs of address and port out of a piece of code or a scanner's report."""
    for host, port, rest in pairs:
        labels = scheme_words(rest) or (scheme,)
        for label in labels:
            yield build(host, port, scheme=label)


def _site(candidate: Candidate, word: str) -> bool:
    """In prose, ``http://name:port`` is a link to some page."""
    return not is_v4(candidate.endpoint.host) and ":" not in candidate.endpoint.host and "socks" not in word.lower()


def proxy_arguments(words: list[str]) -> list[Reading] | None:
    """The proxies that a command line names, or None when the line is no command: its other addresses are targets."""
    if _COMMAND.fullmatch(words[1 if words[0] in ("$", "#", ">", "sudo") else 0]) is None:
        return None
    found: list[Reading] = []
    for position, word in enumerate(words[1:], 1):
        flag, _, value = word.partition("=")
        if _PROXY_FLAG.fullmatch(flag):
            value = value or (words[position + 1] if position + 1 < len(words) else "")
            label = scheme_words(flag) if "socks" in flag else None
            reading = read_token(value.strip("\"'"), label[0] if label else None)
            if isinstance(reading, Candidate):
                found.append(reading)
    return found


def _word(word: str, scheme: Scheme | None, names: bool, text: str) -> list[Reading]:
    if "://" in word and not read_scheme(word.lstrip("\"'`([{<*")) and (urls := _URL.findall(word)):
        # "http_proxy=http://..." and Markdown links, before the name in front is taken for a user.
        return [read_token(url, scheme, names=names, text=text) for url in urls]
    if "=" in word and _OTHER_URL.search(word):
        # "DATABASE_URL=postgres://...": neither the name in front nor the address is a proxy's.
        return [Refused.MALFORMED]
    whole = read_token(word, scheme, names=names, text=text)
    pieces = [_GLUED.sub("", piece) for piece in _SEPARATORS.split(word) if piece]
    if len(pieces) > 1:
        readings = [read_token(piece, scheme, names=names, text=text) for piece in pieces if ":" in piece]
        good = [reading for reading in readings if isinstance(reading, Candidate)]
        if len(good) > 1 or (good and not isinstance(whole, Candidate)):
            return readings
    if isinstance(whole, Candidate):
        return [whole]
    if "port=" in word and (query := _queried(word, scheme, text)) is not None:
        return [query]
    if "://" in word:
        return [whole]
    inside = [build(*match.groups(), scheme=scheme, text=text) for match in _INSIDE.finditer(word)]
    return list(inside) or [whole]


def _queried(word: str, scheme: Scheme | None, text: str) -> Candidate | None:
    """A link whose query names server and port."""
    query = None if _MTPROTO.search(word) else _QUERY.search(word)
    if query is None or not is_host(query[1]):
        return None
    socks = Scheme.SOCKS5 if "socks?" in word.lower() else scheme
    reading = build(query[1], query[2], scheme=socks, credentials=_query_secret(word), text=text)
    return reading if isinstance(reading, Candidate) else None


def carried(value: str, scheme: Scheme | None) -> Reading:
    """The entry that an attribute carries: itself, the query of a link, or inside a call like ``copy("...")``."""
    if "=" in value and (query := _queried(value, scheme, value)) is not None:
        return query
    reading = read_token(value, scheme, names=False)
    if isinstance(reading, Candidate):
        return reading
    found = [one for one in read_line(value, scheme, prose=True) if isinstance(one, Candidate)]
    return found[0] if len(found) == 1 else reading


def _query_secret(word: str) -> Credentials | None:
    fields = parse_qs(word.partition("?")[2])
    return Credentials(fields["user"][0], fields.get("pass", [""])[0]) if "user" in fields else None


def _apart(line: str, words: list[str], scheme: Scheme | None, prose: bool) -> tuple[list[Candidate], list[Refused]]:
    """Address and port as neighbours: ``host port``, cells of a row, or with the word "port" between."""
    pairs: list[tuple[str, str]] = []
    cells = [cell.strip(" \"'`*\r") for cell in _FIELDS.split(line.replace("||", "|").strip("| \t"))]
    if len(cells) > 1:
        for index in range(len(cells) - 1):
            if index and is_v4(cells[index - 1]):
                # From one address to another: a range, or a packet's way.
                continue
            if is_host(cells[index], names=index == 0 and not prose) and portlike(cells[index + 1]):
                pairs.append((cells[index], cells[index + 1]))
    if not pairs and len(words) > 1 and portlike(words[1].strip(",;|\"'")):
        host = words[0].strip(",;|\"'")
        if _ADDRESS.fullmatch(host) or is_host(host, names=len(words) == 2 and not prose):
            pairs.append((host, words[1].strip(",;|\"'")))
    if not pairs:
        pairs = [(match[1], match[2]) for match in (*_APART.finditer(line), *_SPACED.finditer(line))]
    if not pairs and (dashed := _DASHED.fullmatch(line)):
        pairs = [(dashed[1], dashed[2])]
    readings = [build(host, port, scheme=scheme, text=line) for host, port in pairs]
    return [r for r in readings if isinstance(r, Candidate)], [r for r in readings if isinstance(r, Refused)]


def portlike(cell: str) -> bool:
    """True for a port, and for what was meant as one: a short word that begins with a digit."""
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
    if len(words) == 1 and not _MARKS.search(line):
        yield candidate
        return
    host = candidate.endpoint.host
    at = line.find(host)
    tail = line[at + len(host) :].lstrip("]") if at >= 0 else ""
    tail = re.sub(r"^[:\s,;|]*\d{1,5}", "", tail, count=1)
    front = line[: max(at, 0)]
    if candidate.credentials is None and (
        at == 0 or front.endswith("://") or (front[-1:] in "|,;" and front[:-1].lower() in SCHEMES)
    ):
        candidate = replace(candidate, credentials=_secret_after(tail))
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


def _secret_after(tail: str) -> Credentials | None:
    """User and password behind an entry, alone there: ``user:password`` or two fields, and no remarks on the proxy."""
    fields = [field for field in re.split(r"[\s,;|]+", tail) if field]
    if len(fields) == 3 and not tail.count(" "):
        fields = [field for field in fields if field.lower() not in SCHEMES]
    if len(fields) == 1 and ":" in fields[0]:
        fields = fields[0].split(":", 1)
    if len(fields) != 2 or not all(3 <= len(field) <= 128 for field in fields):
        return None
    user, password = fields
    remarks = any(_REMARK.search(field) or scheme_words(field) is not None for field in fields)
    mixed = any(sign.isdigit() for sign in password) and any(sign.isalpha() for sign in password)
    return Credentials(user, password) if mixed and not remarks and not user.isdigit() else None


def labelled(text: str) -> tuple[str, str]:
    """``Port: 80`` as the normalised label and the value; no label where there is none."""
    match = _LABEL.fullmatch(text)
    return (normal(match[1]), match[2].strip()) if match else ("", text)
