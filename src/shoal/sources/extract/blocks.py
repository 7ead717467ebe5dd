"""Lines that belong together: headings that claim a scheme, ``host:`` above ``port:``, a scanner's report on a host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from shoal.domain import Candidate, Refused, Scheme
from shoal.sources.extract.entry import Reading, build, is_host, is_v4
from shoal.sources.extract.labels import (
    ADDRESS,
    COUNTRY,
    ELSEWHERE,
    PASSWORD,
    PORT,
    PROTOCOL,
    SCHEMES,
    SERVICES,
    USERNAME,
    normal,
    scheme_words,
)
from shoal.sources.extract.literals import scanned_host, scanned_port
from shoal.sources.extract.record import read_record
from shoal.sources.extract.text import labelled, portlike, read_line, read_plain

_HEADING = re.compile(
    r"[\W_]*(?:(?:free|fresh|public|elite|working|live)\s+)?"
    r"(https?|socks ?(?:v?[45])?a?)(?:[\s/,&+-]+(https?|socks ?v?[45]a?))*"
    r"(?:[\s_-]+(?:proxy|proxies|list|servers?|代理))*[\W_]*(?:\(?\d{1,7}\)?)?[\W_]*",
    re.IGNORECASE,
)
_OTHER_HEADING = re.compile(
    r"\[[^\[\]:.]{1,40}\]|[^\W\d][\w ]{0,40}:|={2,}.*={2,}|-{3,}.*-{3,}|\*{2}.*\*{2}|#{1,6} [^.:]{1,60}"
)
_ITEM = re.compile(r"^\s*(?:-\s+|\d{1,6}[.)]\s+)")
_SIGNS = re.compile(r"^[^\w\[\](){}\"'#/:]+")
_DOTTED_KEY = re.compile(r"[A-Za-z][\w-]*(?:\.[\w-]+)*\.([A-Za-z]\w*)\s*[:=]")
_FIELDS = ADDRESS | PORT | PROTOCOL | USERNAME | PASSWORD | COUNTRY
_NUMBERED = (ADDRESS | PORT) - {"server"}
"""Labels that settings number: ``ip1=``, ``PROXY_2_PORT=``."""
_DIGITS = re.compile(r"\d+")
_KEY_ALONE = re.compile(r"\s*[\"']?(\d{1,3}(?:\.\d{1,3}){3})[\"']?\s*:\s*")
"""An address as the key of what follows below it."""
_FIELD_LIMIT = 32
"""Lines of one record: longer ones are no records of a proxy."""


def heading(line: str) -> tuple[Scheme | None] | None:
    """The scheme that a heading claims for the lines below it, ``(None,)`` for a heading that claims none."""
    if len(line) > 80:
        return None
    line = line.strip()
    if _HEADING.fullmatch(line):
        said = scheme_words(line) or ()
        return (said[0] if len(said) == 1 else None,)
    return (None,) if _OTHER_HEADING.fullmatch(line) and "." not in line else None


class LineReader:
    """Reads line after line. ``claim`` is the scheme of entries that do not say: the source's, or the last heading's.

    An address alone on its line waits for a port alone on the next; labelled lines gather to one record.
    """

    def __init__(self, scheme: Scheme | None) -> None:
        self.claim = scheme
        self._scheme = scheme
        self._waiting = ""
        self._fields: dict[str, str] = {}
        self._host = ""
        self._service = False
        self._closed = False

    def read(self, line: str) -> Iterator[Reading]:
        label, value = _field(line)
        if label in ELSEWHERE or (self._closed and label and label not in _FIELDS):
            if ":" in value:
                yield Refused.MALFORMED
            return
        if self._waiting:
            host, self._waiting = self._waiting, ""
            if (not label or label in PORT) and portlike(_bare(value)):
                yield build(host, _bare(value), scheme=self.claim)
                return
            yield Refused.MALFORMED
        if label and self._gathers(label, _bare(value)):
            if label in self._fields or (_ITEM.match(line) and self._address()):
                yield from self._flush()
            if len(self._fields) < _FIELD_LIMIT:
                self._fields[label] = _bare(value)
            return
        if not label:
            yield from self._flush()
        if not line.strip():
            self._host = ""
            return
        if not label and (key := _KEY_ALONE.fullmatch(line)) is not None and is_v4(key[1]):
            self._fields["ip"] = key[1]
            return
        if not label and is_v4(_bare(value)):
            self._waiting = _bare(value)
            return
        if (scanned := scanned_host(line.strip())) is not None:
            self._host = scanned
            return
        if self._host and (port := scanned_port(line.strip())) is not None:
            yield build(self._host, port, scheme=self.claim)
            return
        if (title := heading(line)) is not None:
            self.claim = title[0] or self._scheme
            self._service = normal(line) in SERVICES
            self._closed = self._service and line.lstrip().startswith("[")
        yield from read_line(line, self.claim)

    def _gathers(self, label: str, value: str) -> bool:
        """True for a field of a record: a known name with one word that is no entry itself."""
        if label in SCHEMES or label not in _FIELDS or not value or " " in value:
            return False
        if label in ADDRESS:
            return is_host(value)
        if label in PORT:
            return portlike(value) and self._address()
        return "://" not in value and not portlike(value.rpartition(":")[2])

    def _address(self) -> bool:
        return any(name in ADDRESS for name in self._fields)

    def _flush(self) -> Iterator[Reading]:
        fields, self._fields = self._fields, {}
        if any(name in ADDRESS for name in fields):
            if self._service:
                yield Refused.MALFORMED
            elif any(name in PORT for name in fields):
                yield from read_record(fields, self.claim)
            else:
                yield Refused.MALFORMED

    def end(self) -> Iterator[Reading]:
        yield from self._flush()
        if self._waiting:
            self._waiting = ""
            yield Refused.MALFORMED


def _field(line: str) -> tuple[str, str]:
    """The label and the value of a line, behind bullets and pictures; of ``proxy.1.host`` the last part counts."""
    bare = _ITEM.sub("", line, count=1).strip()
    label, value = labelled(_SIGNS.sub("", bare) if not bare[:1].isalnum() else bare)
    if label and label not in _FIELDS and (match := _DOTTED_KEY.match(bare)) is not None:
        label = normal(match[1])
    if label and label not in _FIELDS and (stem := _DIGITS.sub("", label)) in _NUMBERED:
        label = stem
    return label, value


def _bare(value: str) -> str:
    return value.strip().strip("\"',;")


def read_text(text: str, scheme: Scheme | None, limit: int) -> Iterator[Reading]:
    """Every line of a text; lines above ``limit`` characters are refused whole."""
    reader = LineReader(scheme)
    for line in text.splitlines() if "\r" in text else text.split("\n"):
        if len(line) > limit:
            yield Refused.TOO_LONG
            continue
        plain: Candidate | None = read_plain(line, reader.claim)
        if plain is not None:
            yield plain
        else:
            yield from reader.read(line)
    yield from reader.end()
