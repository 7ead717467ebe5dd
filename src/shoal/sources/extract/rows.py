"""Rows of cells, from HTML tables and from pages laid out with blocks, as candidates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from msgspec.structs import replace

from shoal.domain import Candidate, Endpoint, Scheme
from shoal.domain.address import canonical_host
from shoal.sources.extract.entry import Reading, build, clip, is_v4, read_token
from shoal.sources.extract.escapes import unpacked
from shoal.sources.extract.html_tree import SEAM, Row
from shoal.sources.extract.labels import (
    ADDRESS,
    COUNTRIES,
    ENTRY,
    NOT_ADDRESS,
    NOT_PROXY,
    PORT,
    PROTOCOL,
    country_code,
    normal,
    scheme_words,
)
from shoal.sources.extract.record import is_record, read_record
from shoal.sources.extract.text import INVISIBLE, carried, labelled, read_line

_QUAD = re.compile(r"\d{1,10}(?:\.\d{1,10}){3,}")
_ENTRY = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?")
_PORT_CELL = re.compile(r"\d\w{0,5}", re.ASCII)
COLUMNS = ADDRESS | ENTRY | PORT | PROTOCOL | NOT_PROXY
_ONLY_SCHEMES = re.compile(r"(?:(?:https?|socks[ -]?v?[45]a?)[\s,/&+]{0,3}){1,4}", re.IGNORECASE)
_CARD_LINES = 8
"""Lines of a card below its entry that may name its scheme."""
_TOLD_BY = ADDRESS | PORT
_LABEL_LIMIT = 40
"""Characters of a cell that can still be a label: longer ones are text."""


def read_rows(rows: list[Row], scheme: Scheme | None) -> Iterator[Reading]:
    """The readings of a page's rows in order."""
    seen: set[Endpoint] = set()
    for reading in _in_order([row for row in rows if not row.late], scheme):
        if isinstance(reading, Candidate):
            seen.add(reading.endpoint)
        yield reading
    for row in rows:
        if row.late:
            yield from (
                one for one in _read_row(row, (), scheme) if isinstance(one, Candidate) and one.endpoint not in seen
            )


def _in_order(rows: list[Row], scheme: Scheme | None) -> Iterator[Reading]:
    heads: dict[int, tuple[str, ...]] = {}
    lines: list[str] = []
    for row in rows:
        if row.table == 0 and row.cells:
            lines.append(row.cells[0].text)
            continue
        names = tuple(_named_column(plain(cell.text)) if len(cell.text) < 200 else "" for cell in row.cells)
        if row.table not in heads and _is_field(names, row):
            # A table on its side: one field a row.
            lines.append(f"{plain(row.cells[0].text).strip(':')}: {plain(row.cells[1].text)}")
            continue
        yield from read_lines(lines, scheme)
        lines = []
        if row.table not in heads and _is_head(names):
            heads[row.table] = names
            continue
        yield from _read_row(row, heads.get(row.table) or _cell_names(row), scheme)
    yield from read_lines(lines, scheme)


def plain(text: str) -> str:
    """A cell's text without seams."""
    text = text.replace(SEAM, "").replace("\xa0", " ")
    return (text if text.isascii() else text.translate(INVISIBLE)).strip()


def _core(raw: str) -> str:
    """A cell's text, or of it the one piece that is an address or entry beside words: buttons, links to look-ups."""
    if SEAM in raw and len(raw) < 400:
        pieces = [piece for piece in map(str.strip, raw.split(SEAM)) if piece]
        numbers = [piece for piece in pieces if any(map(str.isdigit, piece))]
        if len(pieces) > 1 and len(numbers) == 1 and _ENTRY.fullmatch(numbers[0]):
            return numbers[0]
    return plain(raw)


def _named_column(text: str) -> str:
    """The normalised name; of ``Fixed version`` the last word counts."""
    name = normal(text)
    return "version" if name.endswith("version") and name not in PROTOCOL else name


def _is_head(names: tuple[str, ...]) -> bool:
    known = set(names)
    return bool(known & (PORT | ADDRESS | ENTRY | NOT_PROXY | NOT_ADDRESS)) and not any(
        name[:3].isdigit() for name in names
    )


def _is_field(names: tuple[str, ...], row: Row) -> bool:
    """A row of a name and what it names: ``Port | 80``."""
    if len(names) != 2:
        return False
    value = plain(row.cells[1].text)
    if names[0] in ADDRESS:
        return is_v4(value)
    return (
        _PORT_CELL.fullmatch(value) is not None
        if names[0] in PORT
        else names[0] in PROTOCOL and bool(scheme_words(value))
    )


def _cell_names(row: Row) -> tuple[str, ...]:
    """Names of columns by the cells' own attributes, where no head gives them and one of them is the port."""
    names = tuple(_column(cell.name) for cell in row.cells)
    return names if any(name in PORT for name in names) else ()


def _column(name: str) -> str:
    """``tbl-proxy-port`` is a port; classes for looks are nothing."""
    whole = normal(name) if len(name) < 60 else ""
    if whole in COLUMNS:
        return whole
    words = [normal(word) for word in re.split(r"[^\w]+|_", name[:200])]
    return next((word for word in reversed(words) if word in COLUMNS), "")


def _read_row(row: Row, names: tuple[str, ...], scheme: Scheme | None) -> Iterator[Reading]:
    texts = [unpacked(_core(cell.text)) for cell in row.cells]
    hidden = {index for index, name in enumerate(names) if name in NOT_PROXY}
    shown = clip(" ".join(text for text in texts if len(text) < 80))
    found = False
    for reading in _readings(row, texts, names, hidden, scheme):
        if isinstance(reading, Candidate):
            yield replace(reading, text=shown or reading.text, country=reading.country or _flag(row, texts))
        else:
            yield reading
        found = True
    if found:
        return
    for index, cell in enumerate(row.cells):
        if index not in hidden:
            yield from read_lines(cell.text.split("\n"), scheme)


def _readings(
    row: Row, texts: list[str], names: tuple[str, ...], hidden: set[int], scheme: Scheme | None
) -> Iterator[Reading]:
    fields = {name: text for name, text in zip(names, texts, strict=False) if name and name not in NOT_PROXY}
    if len(names) == len(texts) and _fits(fields):
        labels = None if any(name in PROTOCOL for name in fields) else _labels(texts, names)
        yield from _labelled(list(read_record(fields, None if labels else scheme)), labels, scheme)
        return
    pairs = list(_pairs(row, texts, names, hidden)) or list(_lone_pair(texts, names, hidden))
    if not pairs:
        pairs = list(_attribute_port(row, texts, hidden))
    if not pairs:
        data = {normal(key): unpacked(value) for key, value in row.data.items()}
        for cell in row.cells:
            data.update({normal(key): unpacked(value) for key, value in cell.data.items()})
        if _fits(data):
            labels = None if any(name in PROTOCOL for name in data) else _labels(texts, names)
            yield from _labelled(list(read_record(data, None if labels else scheme)), labels, scheme)
            return
        entries = (carried(value, scheme) for key, value in data.items() if key not in NOT_PROXY)
        pairs = [reading for reading in entries if isinstance(reading, Candidate)]
    yield from _labelled(pairs, _labels(texts, names), scheme)


def _labelled(pairs: list[Reading], labels: tuple[Scheme, ...] | None, scheme: Scheme | None) -> Iterator[Reading]:
    """The readings of a row with the schemes that the row names, where they do not say themselves."""
    for reading in pairs:
        if not isinstance(reading, Candidate) or reading.scheme is not None:
            yield reading
        elif labels:
            for one in labels:
                yield replace(reading, scheme=one)
        else:
            yield replace(reading, scheme=scheme) if labels is None or (scheme and scheme.is_socks) else reading


def _fits(fields: dict[str, str]) -> bool:
    """True when the named fields hold what their names say; heads are often shifted against their columns."""
    if not is_record(fields):
        return False
    held = [(name in ENTRY, text) for name, text in fields.items() if (name in ADDRESS or name in ENTRY) and text]
    address = min(held)[1] if held else ""
    port = next((text for name, text in fields.items() if name in PORT and text), "")
    if port and not _PORT_CELL.fullmatch(port):
        return False
    return not address or ":" in address or _QUAD.fullmatch(address) is not None or _named(address)


def _named(address: str) -> bool:
    return "." in address and " " not in address and isinstance(canonical_host(address), str)


def _pairs(row: Row, texts: list[str], names: tuple[str, ...], hidden: set[int]) -> Iterator[Reading]:
    """Neighbouring cells that are address and port, cells that are an entry, and cells split by inline elements."""
    for index, text in enumerate(texts):
        if index in hidden or not text or len(text) > 300 or (index < len(names) and names[index] in NOT_ADDRESS):
            continue
        if _QUAD.fullmatch(text):
            following = texts[index + 1] if index + 1 < len(texts) else ""
            if _PORT_CELL.fullmatch(following) and not _other_column(names, index):
                yield build(text, following)
                continue
        elif ":" in text and " " not in text and "\n" not in text:
            reading = read_token(text, None, names=False)
            if reading is not None:
                yield reading
                continue
        raw = row.cells[index].text
        if SEAM in raw or "\n" in raw:
            yield from _split(raw)


def _lone_pair(texts: list[str], names: tuple[str, ...], hidden: set[int]) -> Iterator[Reading]:
    """The only address and the only number of a row, wherever they stand, unless the head names it otherwise."""
    hidden = hidden | {index for index, name in enumerate(names) if name in NOT_ADDRESS}
    addresses = [text for index, text in enumerate(texts) if is_v4(text) and index not in hidden]
    named = any(name in PORT or name in ADDRESS or name in ENTRY or name in NOT_PROXY for name in names)
    numbers = [
        text
        for index, text in enumerate(texts)
        if len(text) > 1 and text.isdigit() and (not named or (index < len(names) and names[index] in PORT))
    ]
    if len(addresses) == 1 and len(numbers) == 1:
        yield build(addresses[0], numbers[0])


def _attribute_port(row: Row, texts: list[str], hidden: set[int]) -> Iterator[Reading]:
    """The only address of a row, and the port that an attribute of another cell holds."""
    addresses = [text for index, text in enumerate(texts) if is_v4(text) and index not in hidden]
    ports = [unpacked(value) for cell in row.cells for key, value in cell.data.items() if normal(key) in PORT]
    if len(addresses) == 1 and len(set(ports)) == 1 and ports[0].isdigit():
        yield build(addresses[0], ports[0])


def _other_column(names: tuple[str, ...], index: int) -> bool:
    """True when the head names this column an address and the next one something that is no port."""
    following = names[index + 1] if index + 1 < len(names) else ""
    elsewhere = names[index : index + 1] != () and names[index] in ENTRY and any(name in PORT for name in names)
    return bool(following) and (names[index] in ADDRESS or elsewhere) and following not in PORT


def _split(raw: str) -> Iterator[Reading]:
    pieces = [piece.strip() for piece in re.split(f"[{SEAM}\\s]+", raw) if piece.strip(" :\t\xa0")]
    for first, second in pairwise(pieces):
        port = second.strip(":").strip()
        if is_v4(first.rstrip(":")) and _PORT_CELL.fullmatch(port):
            yield build(first.rstrip(":"), port)


def _labels(texts: list[str], names: tuple[str, ...]) -> tuple[Scheme, ...] | None:
    """What the row says of schemes: in the column for it, else in any short cell."""
    for name, text in zip(names, texts, strict=False):
        if name in PROTOCOL and (words := scheme_words(text)) is not None:
            return words
    return scheme_words(" ".join(text for text in texts if len(text) < _LABEL_LIMIT and not text[:1].isdigit()))


def _flag(row: Row, texts: list[str]) -> str | None:
    code = next((text for text in texts if text in COUNTRIES and text != "NO"), None)
    return code or (country_code(row.country) if row.country else None)


def read_lines(lines: list[str], scheme: Scheme | None) -> Iterator[Reading]:
    """Loose lines as running text. Where each entry is followed by a line that names schemes, as cards do, these are
    its own."""
    if not any(_claim(line) for line in lines):
        yield from (item for item in _loose(lines, scheme) if not isinstance(item, int))
        return
    claims: dict[int, tuple[Scheme, ...]] = {}
    readings: list[Reading] = []
    entry, since = -1, 0
    for item in _loose(lines, scheme):
        if not isinstance(item, int):
            readings.append(item)
            if isinstance(item, Candidate):
                entry, since = len(readings) - 1, 0
        elif entry >= 0 and since < _CARD_LINES:
            since += 1
            if entry not in claims and (words := _claim(lines[item])):
                claims[entry] = words
    entries = [at for at, reading in enumerate(readings) if isinstance(reading, Candidate)]
    cards = len(entries) > 1 and all(at in claims for at in entries)
    for at, reading in enumerate(readings):
        yield from _labelled([reading], claims[at] if cards and at in claims else None, scheme)


def _claim(line: str) -> tuple[Scheme, ...]:
    """The schemes of a line that names nothing else."""
    if len(line) > _LABEL_LIMIT:
        return ()
    label, value = labelled(plain(line))
    if label and label not in PROTOCOL:
        return ()
    return (scheme_words(value) or ()) if _ONLY_SCHEMES.fullmatch(value) else ()


def _loose(lines: list[str], scheme: Scheme | None) -> Iterator[Reading | int]:
    """The readings of loose lines, each line's number before what it says; an address alone on its line takes the
    port from a line that follows."""
    waiting: str | None = None
    between = 0
    headed = False
    for number, line in enumerate(lines):
        yield number
        text = unpacked(plain(line)) if len(line) < 600 else plain(line)
        if not text:
            continue
        label, value = _seamed(line) or labelled(text)
        if waiting is not None:
            if label not in ADDRESS and _PORT_CELL.fullmatch(value) and (not label or label in PORT):
                yield build(waiting, value, scheme=scheme)
                waiting = None
                continue
            if normal(text) in PORT or (not label and text in (":", "-")):
                continue
            between += 1
            if headed and between <= 3 and len(text) < _LABEL_LIMIT and not is_v4(text):
                # Blocks laid out as a table with a head: other columns may stand between.
                continue
            waiting = None
        headed = headed or normal(text) in PORT
        if (
            is_v4(value)
            and not (SEAM in line and any(_split(line)))
            and (not label or label in ADDRESS or label in ENTRY)
        ):
            waiting, between = value, 0
            continue
        split = list(_split(line)) if SEAM in line else []
        if split and not isinstance(read_token(text.split()[0], None, names=False), Candidate):
            labels = scheme_words(text)
            for reading in split:
                claim = labels[0] if labels else scheme
                yield replace(reading, scheme=claim) if isinstance(reading, Candidate) else reading
            continue
        yield from _prose(text, scheme)


def _seamed(line: str) -> tuple[str, str] | None:
    """``<b>Port</b><i>80</i>`` as a label and its value."""
    if SEAM not in line or len(line) > 200:
        return None
    pieces = [piece for piece in map(str.strip, line.split(SEAM)) if piece]
    if len(pieces) != 2 or (name := normal(pieces[0])) not in _TOLD_BY:
        return None
    return name, pieces[1]


def _prose(text: str, scheme: Scheme | None) -> Iterator[Reading]:
    for piece in (text[at : at + 4096] for at in range(0, len(text), 4096)) if len(text) > 4096 else (text,):
        yield from read_line(piece, scheme, prose=True)
