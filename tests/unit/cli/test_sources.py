"""``shoal sources``: what is shown, and what changes in the settings file."""

import asyncio
import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from shoal.cli.main import run
from shoal.config import load_options
from shoal.engine.kept_sources import KEPT, Kept
from shoal.options import OwnSource, StoreOptions
from shoal.sources.registry import names_on
from shoal.stores.open import open_store

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shoal.toml"


def on(path: Path) -> frozenset[str]:
    return names_on(load_options({}, file=path).sources, [])


def edit(path: Path, *words: str) -> int:
    path.touch()
    return run(["sources", *words, "--config", str(path)])


def test_the_list_shows_the_catalogue_and_what_is_ones_own(path: Path, capsys: Capture) -> None:
    path.write_text('[[source]]\nname = "mine"\ninline = "192.0.2.1:80"\n')
    assert run(["sources", "list", "--json", "--config", str(path)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["name"] == "mine" and rows[0]["enabled"] and not rows[1]["enabled"] and len(rows) > 40
    assert run(["sources", "list", "--on", "--config", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "mine" in out and "spys" not in out and "1 of 1 are read" in err


def test_the_list_shows_what_was_added_and_switched_while_the_pool_ran(path: Path, capsys: Capture) -> None:
    path.touch()
    data = path.parent / "data"
    data.mkdir()

    async def change() -> None:
        store = open_store(StoreOptions(), data / "shoal.db")
        await store.open()
        try:
            table = OwnSource(name="partner", url="https://lists.example/a.txt?token=t0p", enabled=False)
            await store.swap_meta(KEPT, None, msgspec.json.encode(Kept((table,), {"spys-http": False})))
        finally:
            await store.close()

    asyncio.run(change())
    assert run(["sources", "list", "--json", "--config", str(path), "--data", str(data)]) == 0
    out = capsys.readouterr().out
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert rows["partner"]["place"] == "lists.example" and not rows["partner"]["enabled"] and "t0p" not in out
    assert not rows["spys-http"]["enabled"] and "spys-http" in on(path)


def test_a_pool_that_cannot_be_read_hides_no_source_of_the_settings(path: Path, capsys: Capture) -> None:
    path.write_text('[[source]]\nname = "mine"\ninline = "192.0.2.1:80"\n')
    (path.parent / "shoal.db").write_bytes(b"this is no database, and long enough to be told from one" * 30)
    assert run(["sources", "list", "--json", "--config", str(path), "--data", str(path.parent)]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[0])["name"] == "mine" and "cannot be shown" in err


def test_a_row_is_switched_off_and_on_and_nothing_else_changes(path: Path) -> None:
    path.touch()
    before = on(path)
    assert edit(path, "disable", "spys-http", "monosans*") == 0
    off = before - on(path)
    assert "spys-http" in off and all(name == "spys-http" or name.startswith("monosans") for name in off)
    assert edit(path, "enable", "monosans-http") == 0
    assert on(path) == (before - off) | {"monosans-http"}
    assert edit(path, "enable", "monosans*", "spys-http") == 0
    assert on(path) == before


def test_a_row_beside_sources_of_ones_own(path: Path, capsys: Capture) -> None:
    assert edit(path, "add", "mine", "https://lists.example/a.txt", "--tag", "paid", "--tier", "1") == 0
    assert "no longer read" in capsys.readouterr().err and on(path) == {"mine"}
    assert edit(path, "enable", "spys-http") == 0
    assert on(path) == {"mine", "spys-http"}
    assert edit(path, "disable", "mine") == 0
    assert on(path) == {"spys-http"}
    assert edit(path, "enable", "mine") == 0
    assert on(path) == {"mine", "spys-http"}


def test_both_are_kept_when_asked_for(path: Path) -> None:
    path.touch()
    before = on(path)
    assert edit(path, "add", "mine", "python:mod:fun", "--keep-catalog") == 0
    assert on(path) == before | {"mine"}
    assert tomllib.loads(path.read_text())["source"] == [{"name": "mine", "python": "mod:fun"}]


def test_a_catalogue_that_was_switched_off_gives_one_row(path: Path) -> None:
    path.write_text("[sources]\ncatalog = false\n")
    assert edit(path, "enable", "spys-http") == 0
    assert on(path) == {"spys-http"}


def test_a_table_that_is_switched_off_is_switched_on(path: Path) -> None:
    path.write_text('[[source]]\nname = "mine"\ninline = "192.0.2.1:80"\nenabled = false\n')
    assert edit(path, "enable", "mine") == 0
    assert on(path) == {"mine"}


def test_paths_count_from_where_the_user_stands(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "a.txt").touch()
    monkeypatch.chdir(folder)
    assert edit(path, "add", "file", "a.txt") == 0
    assert edit(path, "add", "folder", ".") == 0
    assert edit(path, "add", "api", "https://api.example/get?n=1", "--api") == 0
    tables = tomllib.loads(path.read_text())["source"]
    assert [{k: v for k, v in table.items() if k != "name"} for table in tables] == [
        {"file": str(folder / "a.txt")},
        {"folder": str(folder)},
        {"api": "https://api.example/get?n=1"},
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("enable", "spyz-http"), "did you mean spys-http?"),
        (("disable", "nothing-like-it"), "shoal sources list"),
        (("add", "mine", "https://x.example/", "--interval", "-1"), "above 0"),
        (("add", "", "https://x.example/"), "name"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_and_nothing_is_written(
    words: tuple[str, ...], told: str, path: Path, capsys: Capture
) -> None:
    assert edit(path, *words) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 1 and path.read_text() == ""


def test_nothing_to_do_is_said(path: Path, capsys: Capture) -> None:
    assert edit(path, "enable", "spys-http") == 0
    assert "nothing to do" in capsys.readouterr().err and path.read_text() == ""


def test_a_list_is_tried_before_it_is_added(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "a.txt").write_text("192.0.2.1:80\nme:secret@192.0.2.2:81\n192.0.2.3:0\n" + "\x1b[31m\n")
    assert run(["sources", "test", str(tmp_path / "a.txt"), "--first", "2"]) == 0
    out = capsys.readouterr().out
    assert "found 2" in out and "refused 1 (bad port 1)" in out and "me:***@192.0.2.2:81" in out
    assert "secret" not in out and "\x1b" not in out
    (tmp_path / "b.txt").write_text("nothing\n")
    assert run(["sources", "test", str(tmp_path / "b.txt"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["found"] == 0
    assert run(["sources", "test", "nosuch"]) == 2


def test_credit_without_a_pool_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    assert run(["sources", "credit", "--data", str(tmp_path)]) == 2
    assert "shoal up" in capsys.readouterr().err
