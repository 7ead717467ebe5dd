"""The locks pin every dependency by hash, agree with each other, and name no place to get them from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("build.txt", "runtime.txt", "dev.txt", "docs.txt")
_PINNED = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)(?: ;[^\\]*)?( \\\n    --hash=sha256:[0-9a-f]{64})+")


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return {match[1]: match[2] for match in _PINNED.finditer(text)}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_and_hashes_everything(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    rest = _PINNED.sub("", text).strip()
    assert rest == "" and len(pins(name)) >= 2


def test_tests_run_with_the_versions_that_users_get() -> None:
    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert runtime.items() <= dev.items()


def test_what_is_installed_in_one_go_agrees() -> None:
    """make installs build.txt and runtime.txt with one command, which two versions of one thing would end."""
    build, runtime = pins("build.txt"), pins("runtime.txt")
    assert {
        name: (build[name], runtime[name]) for name in build.keys() & runtime.keys() if build[name] != runtime[name]
    } == {}


def test_everything_that_the_project_names_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    def names(wanted: list[str]) -> set[str]:
        return {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in wanted}

    assert names(project["project"]["dependencies"]) <= set(pins("runtime.txt"))
    assert names(project["dependency-groups"]["dev"]) <= set(pins("dev.txt"))
