from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from shoal.cli.top_link import Rates
from shoal.cli.top_view import Look, event_words, screen, size, spark

STATS: dict[str, Any] = {
    "version": "1.2.3", "uptime": 7300.0, "known": 123_456, "working": 1_234, "expected": 987.6, "unchecked": 5,
    "due": 6, "in_check": 950, "checked_total": 200, "worked_total": 50, "checks_per_second": 184.4,
    "pick_success": 0.995, "use_success": 0.5, "by_scheme": {"http": 9, "socks5": 3}, "by_anonymity": {"elite": 7},
    "by_honesty": {"clean": 9}, "by_country": {}, "failures": {"connect.timeout": 40, "receive.eof": 10},
    "judges": [
        {"url": "http://judge.example/check/", "ok": True, "latency_ms": 12.0},
        {"url": "http://dead.example/check/", "ok": False, "latency_ms": 0.0},
    ],
    "sources_ok": 11, "sources_total": 12, "store_error": None, "problems": [],
    "gateway": {"connections": 4, "requests": 10, "bytes_up": 5, "bytes_down": 6},
}  # fmt: skip
RATES = {"picks": 3.25, "uses": 2.0, "requests": 7.5, "bytes_down": 1_250_000.0, "bytes_up": 900.0}


def shown(look: Look, width: int = 80) -> list[str]:
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(screen(look, width))
    return capture.get().splitlines()


def look(**changes: Any) -> Look:
    stats = {**STATS, **changes.pop("stats", {})}
    return Look("http://127.0.0.1:5010", stats, RATES, **{"way_out": "q", **changes})


@pytest.mark.parametrize("width", [80, 100, 160, 200])
def test_it_fills_the_width_and_never_passes_it(width: int) -> None:
    lines = shown(look(), width)
    assert max(len(line) for line in lines) == width
    assert len(lines) <= 24, "it fits the smallest terminal"


def test_eighty_columns_tell_what_matters() -> None:
    text = "\n".join(shown(look()))
    for words in (
        "Shoal 1.2.3", "http://127.0.0.1:5010", "q quits", "1,234", "988 if all", "123,456", "http 9, socks5 3",
        "184/s", "950 in flight, 6 due", "200, 25.0% work", "3.2/s  99.5% find one", "50.0% go well",
        "7.5 requests/s, 4 open", "1.2 MB/s down, 900 B/s up", "11 of 12 reachable", "● 12 ms", "answers",
    ):  # fmt: skip
        assert words in text, words


def test_problems_and_a_silent_pool_come_first() -> None:
    lines = shown(look(stats={"problems": ["judge X unreachable: demotion frozen"]}, silent=12.0))
    assert "problems" in lines[1]
    assert "does not answer any more, for 12 s" in lines[2] and "demotion frozen" in lines[3]


def test_an_empty_pool_and_one_without_faces_can_be_shown() -> None:
    bare = {"working": 0, "gateway": None, "judges": [], "failures": {}, "by_scheme": {}, "checked_total": 0}
    text = "\n".join(shown(look(stats=bare)))
    assert "not listening" in text and "none asked here" in text and "0" in text
    assert shown(Look("http://x", {}, {}))


def test_what_strangers_say_is_text() -> None:
    evil = "[bold red]\x1b[2J\u202e</body>"
    events = [("source", {"at": "2027-01-01T12:34:56.000Z", "name": evil, "error": evil})]
    text = "\n".join(shown(look(stats={"problems": [evil]}, events=events)))
    assert "\x1b" not in text and "\u202e" not in text and "[bold red]?[2J?</body>" in text


def test_one_look_shows_no_events() -> None:
    text = "\n".join(shown(look(way_out="", events=[("imported", {"new": 1})])))
    assert "events" not in text and "quits" not in text


def test_the_newest_events_stand_first() -> None:
    events = [("deleted", {"at": f"2027-01-01T00:00:0{number}.000Z", "records": number}) for number in range(9)]
    lines = [line for line in shown(look(events=events)) if "deleted" in line]
    assert [line.split("deleted: ")[1][0] for line in lines] == ["8", "7", "6", "5"]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("source", {"name": "mine", "found": 917, "new": 24}, "mine: 917 listed, 24 new"),
        ("source", {"name": "mine", "found": 0, "new": 0, "error": "HTTP 404"}, "mine: HTTP 404"),
        ("imported", {"new": 1, "known": 2, "refused": 3}, "imported: 1 new, 2 known, 3 refused"),
        ("tagged", {"records": 2, "added": ["a"], "removed": ["b"]}, "tagged: 2 +a -b"),
        ("problems", {"problems": []}, "all is well again"),
        ("source_paused", {"name": "mine"}, "mine: paused"),
        ("something_new", {"name": "x"}, "something new: x"),
    ],
)
def test_events_are_told_in_words(kind: str, data: dict[str, Any], words: str) -> None:
    assert event_words(kind, {"at": "2027-01-01T12:34:56.000Z", **data}) == f"12:34:56 {words}"


def test_rates_are_growth_a_second_and_begin_anew_with_the_pool() -> None:
    rates = Rates()
    rates.note({"checked_total": 100, "gateway": {"requests": 5}}, 10.0)
    assert rates.now["checks"] == 0.0
    rates.note({"checked_total": 150, "gateway": {"requests": 6}}, 12.0)
    assert rates.now["checks"] == 25.0 and rates.now["requests"] == 0.5
    rates.note({"checked_total": 3, "gateway": None}, 13.0)
    assert rates.now["checks"] == 0.0


def test_curves_and_sizes() -> None:
    assert spark([0, 1, 2, 4], 8) == "▁▂▄█" and spark([9, 0, 4], 2) == "▁█" and spark([0, 0], 5) == ""
    assert [size(count) for count in (0, 999, 1_000, 12_345_678, 5e12)] == [
        "0 B", "999 B", "1.0 kB", "12.3 MB", "5000.0 GB",
    ]  # fmt: skip
