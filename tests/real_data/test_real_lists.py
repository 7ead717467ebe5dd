"""Every published list and page, against what a person counts in it.

``COUNTS`` was made by looking at each file and counting with grep, not with the reader. What the entries are is read
here by one narrow pattern a file, which must find just that count; the reader under test knows none of these patterns.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from shoal.domain import Candidate
from shoal.sources.extract import extract, extract_stream

pytestmark = pytest.mark.real_data

DATA = Path(os.environ.get("SHOAL_REAL_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
Entry = tuple[str, int, str | None]


def _lines(pattern: str) -> Callable[[str], list[Entry]]:
    def read(text: str) -> list[Entry]:
        return [
            (match["host"], int(match["port"]), match.groupdict().get("scheme"))
            for match in re.finditer(pattern, text, re.MULTILINE)
        ]

    return read


def _monosans(text: str) -> list[Entry]:
    return [(row["host"], row["port"], row["protocol"]) for row in json.loads(text)]


def _fate0(text: str) -> list[Entry]:
    # The label "https" claims an http proxy that can tunnel.
    return [
        (row["host"], row["port"], row["type"].replace("https", "http")) for row in map(json.loads, text.splitlines())
    ]


def _versions(text: str) -> list[Entry]:
    pattern = r"<tr><td>([\d.]+)</td><td>(\d+)</td><td>..</td><td>[^<]*</td><td>(Socks\d)</td>"
    return [(host, int(port), version.lower()) for host, port, version in re.findall(pattern, text)]


def _escaped(text: str) -> list[Entry]:
    return _lines(r"<tr><td>(?P<host>[\d.]+)</td><td>(?P<port>\d+)</td>")(html.unescape(text))


_URL = _lines(r"^(?P<scheme>\w+)://(?P<host>[\d.]+):(?P<port>\d+)$")
COUNTS: dict[str, tuple[int, int, str, Callable[[str], list[Entry]]]] = {
    # file: entries as listed, distinct among them, form, pattern
    "lists/clarketm-annotated.txt": (400, 400, "text", _lines(r"^(?P<host>[\d.]+):(?P<port>\d+) [A-Z]{2}-")),
    "lists/clarketm-raw.txt": (400, 400, "text", _lines(r"^(?P<host>[\d.]+):(?P<port>\d+)$")),
    "lists/fate0-proxy.jsonl": (251, 196, "jsonl", _fate0),
    "lists/monosans-all.txt": (492, 492, "text", _URL),
    "lists/monosans-proxies.json": (492, 492, "json", _monosans),
    "lists/stormsia-http.txt": (368, 368, "text", _URL),
    "lists/stormsia-socks5.txt": (166, 166, "text", _URL),
    "pages/blackhatworld_threadHtml_1.html": (14, 7, "html", _lines(r"(?P<host>\d+\.\d+\.\d+\.\d+):(?P<port>\d+)$")),
    "pages/freeproxylist_listHtml_1.html": (15, 15, "html", _versions),
    "pages/freeproxylist_listHtml_2.html": (
        11,
        11,
        "html",
        _lines(r"<tr><td>(?P<host>[\d.]+)</td><td>(?P<port>\d+)</td>"),
    ),
    "pages/freeproxylists_listData_anon01.xml": (8, 8, "xml", _escaped),
    "pages/proxylisten_listPage_1.html": (
        12,
        12,
        "html",
        _lines(r"&amp;host=(?P<host>[\d.]+)&amp;port=(?P<port>\d+)&"),
    ),
}
COUNTRIES = {
    "lists/clarketm-annotated.txt": 400,
    "lists/fate0-proxy.jsonl": 196,
    "lists/monosans-proxies.json": 492,
    "pages/freeproxylist_listHtml_1.html": 15,
    "pages/freeproxylist_listHtml_2.html": 11,
    "pages/proxylisten_listPage_1.html": 10,
}
"""How many entries come with a country code or a flag."""


def _entries(candidates: list[Candidate]) -> set[Entry]:
    return {(one.endpoint.host, one.endpoint.port, one.scheme.value if one.scheme else None) for one in candidates}


def _score(name: str) -> tuple[set[Entry], set[Entry]]:
    data = (DATA / name).read_bytes()
    return set(COUNTS[name][3](data.decode())), _entries(extract(data, name=name).candidates)


def test_every_file_was_counted() -> None:
    present = {f"{folder}/{path.name}" for folder in ("lists", "pages") for path in (DATA / folder).iterdir()}
    assert present == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_every_entry_is_found_and_nothing_else(name: str) -> None:
    listed, distinct, form, pattern = COUNTS[name]
    data = (DATA / name).read_bytes()
    truth = pattern(data.decode())
    assert len(truth) == listed
    assert len(set(truth)) == distinct
    read = extract(data, name=name)
    assert _entries(read.candidates) == set(truth)
    assert len(read.candidates) == distinct
    assert read.form == form
    assert read.refused == ({"duplicate": listed - distinct} if listed > distinct else {})
    assert sum(one.country is not None for one in read.candidates) == COUNTRIES.get(name, 0)


@pytest.mark.parametrize("name", COUNTS)
def test_the_stream_reads_the_same_without_being_told_the_name(name: str) -> None:
    data = (DATA / name).read_bytes()
    pieces = (data[at : at + 1000] for at in range(0, len(data), 1000))
    streamed = [item for item in extract_stream(pieces) if isinstance(item, Candidate)]
    assert _entries(streamed) == _entries(extract(data).candidates)


def test_precision_and_recall_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for name in COUNTS:
        truth, found = _score(name)
        hit = len(truth & found)
        rows.append((name, len(truth), len(found), hit / len(found), hit / len(truth)))
    with capsys.disabled():
        print(f"\n{'file':44} {'truth':>6} {'found':>6} {'precision':>10} {'recall':>8}")
        for name, true, found_count, precision, recall in rows:
            print(f"{name:44} {true:6} {found_count:6} {precision:10.4f} {recall:8.4f}")
    assert min(row[3] for row in rows) >= 0.999
    assert min(row[4] for row in rows) >= 0.99
