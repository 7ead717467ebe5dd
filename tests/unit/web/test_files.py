"""What holds for the dashboard's files: words, markup, what others made, and that the wheel has them."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from shoal.domain import Anonymity, Capability, Honesty, Reason, Scheme, Stage
from shoal.web import CONTENT_TYPES, FOLDER

ROOT = Path(__file__).resolve().parents[3]
VENDOR = FOLDER / "vendor"
OURS = [path for path in sorted(FOLDER.rglob("*.js")) if path.parent != VENDOR]
SOURCE = "\n".join(path.read_text() for path in OURS)
ENGLISH: dict[str, str] = json.loads((FOLDER / "i18n" / "en.json").read_text())
CHINESE: dict[str, str] = json.loads((FOLDER / "i18n" / "zh.json").read_text())


def test_both_dictionaries_have_the_same_keys_and_gaps() -> None:
    assert list(ENGLISH) == list(CHINESE)
    for key, text in ENGLISH.items():
        assert text and CHINESE[key], key
        assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(re.findall(r"\{(\w+)\}", CHINESE[key])), key


def test_every_word_that_is_asked_for_is_there() -> None:
    asked = set(re.findall(r"\bt\('([^']+)'", SOURCE))
    assert len(asked) > 100
    assert asked <= set(ENGLISH)


def test_every_word_that_is_there_is_used() -> None:
    starts = tuple(re.findall(r"\bt(?:Or)?\(`([a-z]+\.)\$\{", SOURCE)) + tuple(
        f"{group}." for group in re.findall(r"\bword\('([a-z]+)'", SOURCE)
    )
    starts += ("scheme.",)  # asked for by the name of a filter
    texts = set(re.findall(r"'([A-Za-z0-9.]+)'", SOURCE))
    assert {key for key in ENGLISH if key not in texts and not key.startswith(starts)} == set()


@pytest.mark.parametrize(
    ("group", "kind"),
    [("scheme", Scheme), ("capability", Capability), ("anonymity", Anonymity), ("honesty", Honesty)],
)
def test_the_filters_know_every_word_of_the_api(group: str, kind: type[Scheme]) -> None:
    choices = re.search(rf"^  {group}: \[([^\]]*)\]", (FOLDER / "lib" / "filters.js").read_text(), re.M)
    assert choices is not None
    assert set(re.findall(r"'([a-z0-9_]+)'", choices[1])) == {one.value for one in kind}
    assert {f"{group}.{one.value}" for one in kind} <= set(ENGLISH)


def test_every_failure_has_its_words() -> None:
    assert {f"stage.{stage.value}" for stage in Stage} | {f"reason.{reason.value}" for reason in Reason} <= set(ENGLISH)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_nothing_is_ever_made_into_markup(path: Path) -> None:
    text = path.read_text()
    for word in (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "dangerouslySetInnerHTML", "document.write", "srcdoc",
        "createContextualFragment", "DOMParser", "setHTML", "eval(", "new Function", "javascript:",
    ):  # fmt: skip
        assert word not in text, word


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    allowed = ("https://example.com", "http://www.w3.org")
    found = [url for url in re.findall(r"https?://[^\s\"'`)}<]+", path.read_text()) if not url.startswith(allowed)]
    assert [url for url in found if not re.match(r"https?://(?:\$|:|\\|\))", url)] == []


def test_no_file_is_longer_than_a_reader_can_bear() -> None:
    assert [path.name for path in OURS if len(path.read_text().splitlines()) > 400] == []


def test_what_others_made_is_as_they_published_it() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| .* \| \[[^\]]+\]\(([^)]+)\) \| .* \| `([0-9a-f]{64})` \|$",
                      (VENDOR / "README.md").read_text(), re.M)  # fmt: skip
    assert {name for name, _, _ in rows} == {path.name for path in VENDOR.iterdir() if path.suffix in CONTENT_TYPES}
    for name, licence, digest in rows:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
        assert (VENDOR / licence).stat().st_size > 500


def test_the_map_is_small_and_knows_the_countries() -> None:
    drawing = (FOLDER / "world.svg").read_text()
    assert len(drawing) < 80_000
    assert {"US", "DE", "CN", "SG", "HK", "BR", "ZA", "NZ"} <= set(re.findall(r'<circle id="([A-Z]{2})"', drawing))


def test_the_first_view_is_light() -> None:
    lazy = {path.name for path in (FOLDER / "pages").iterdir()} - {"overview.js", "login.js"}
    sizes = [p.stat().st_size for p in FOLDER.rglob("*") if p.suffix in CONTENT_TYPES and p.name not in lazy]
    assert sum(sizes) < 300_000


def test_the_wheel_has_every_file(tmp_path: Path) -> None:
    code = "import hatchling.build, sys; hatchling.build.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True, timeout=60, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    for path in FOLDER.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"shoal/web/{path.relative_to(FOLDER).as_posix()}" in names
