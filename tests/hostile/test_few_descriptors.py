"""A checker with hardly any descriptors: slower, and no proxy is blamed for what this machine lacks."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.loopback.cli.test_commands import against, read, run, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the lab needs Linux")
PROXIES = 60


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Proxies that work always: whoever fails here fails for a reason of ours."""
    folder = tmp_path_factory.mktemp("lab")
    words = ("lab", "--size", str(PROXIES), "--preset", "alive", "--dir", str(folder))
    with running(*words, folder=folder) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


def checked(
    lab: dict[str, Any], folder: Path, proxies: list[str], limit: int, taken: int
) -> subprocess.CompletedProcess[str]:
    """`shoal check` in a process that may hold ``limit`` descriptors, of which ``taken`` are gone already."""
    (folder / "list.txt").write_text("\n".join(proxies))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(taken)]
    try:
        return run(
            "check", str(folder / "list.txt"), "--output", str(folder / "results.jsonl"), "--concurrency", "200",
            *against(lab), folder=folder, pass_fds=held,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )  # fmt: skip
    finally:
        for one in held:
            os.close(one)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


def working(lab: dict[str, Any]) -> list[str]:
    return [entry["proxy"] for entry in map(json.loads, read(lab["truth"]).splitlines()) if entry["works"]]


@pytest.mark.parametrize(
    ("count", "limit", "taken"),
    [
        (6, 48, 0),  # Room for one check at a time.
        (40, 200, 145),  # Room for 57 is counted with, but most of it is gone: connections are refused by the system.
    ],
)
def test_with_few_descriptors_checks_go_on_slower_and_nobody_is_blamed(
    lab: dict[str, Any], tmp_path: Path, count: int, limit: int, taken: int
) -> None:
    done = checked(lab, tmp_path, working(lab)[:count], limit, taken)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "the limit on open files is too low" in done.stderr
    found = rows(tmp_path)
    assert len(found) == count
    # Whoever could not be checked for the lack of them is told so: the fault is this machine's or the judge's.
    failed = [row["failure"] for row in found if not row["works"]]
    assert [failure for failure in failed if failure["blame"] == "proxy"] == []
    assert len(failed) <= count // 8
