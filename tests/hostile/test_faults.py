"""What goes wrong below a pool that runs: a full disk, a folder that cannot be written, a damaged file, another user's.

Each is one sentence that says what to do, and nothing that was acknowledged is lost. Mounting a small file system needs
root, as CI has; elsewhere these tests say that they were left out.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60.0
ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="mounts a file system, which needs root")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(folder: Path, port: int, data: Path, gateway: int | None = None) -> list[str]:
    (folder / "empty.txt").write_text("\n")
    words = ["--data", str(data), "--api", f"127.0.0.1:{port}", "--gateway", f"127.0.0.1:{gateway or free_port()}"]
    words += ["--source", str(folder / "empty.txt"), "--judge", "http://127.0.0.1:9/#key=x", "--allow", "127.0.0.0/8"]
    return [sys.executable, "-m", "shoal", "up", *words]


def refusal(folder: Path, data: Path, before: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit code and last line of a pool that cannot start."""
    words = [*before, *command(folder, free_port(), data)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    lines = done.stderr.strip().splitlines()
    assert "Traceback" not in done.stderr
    return done.returncode, lines[-1] if lines else ""


class Running:
    def __init__(self, folder: Path, data: Path, output: int | None = None, **more: Any) -> None:
        self.port, self.gateway, self.log = free_port(), free_port(), folder / "log"
        with self.log.open("ab") as log:
            to = log if output is None else output
            self.process = subprocess.Popen(
                command(folder, self.port, data, self.gateway), stdout=to, stderr=to, **more
            )

    def ask(self, method: str, path: str, body: str = "", kind: str = "text/plain") -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            link.request(method, path, body.encode(), {"Content-Type": kind})
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        finally:
            link.close()

    def wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("it did not come up")


@contextmanager
def running(folder: Path, data: Path, output: int | None = None) -> Iterator[Running]:
    pool = Running(folder, data, output)
    try:
        pool.wait()
        yield pool
    finally:
        pool.process.send_signal(signal.SIGTERM)
        try:
            pool.process.wait(PATIENCE)
        finally:
            pool.process.kill()


@contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True, timeout=PATIENCE)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, timeout=PATIENCE)


def batch(number: int) -> str:
    return "\n".join(f"127.{100 + number}.{i >> 8}.{i & 255}:9" for i in range(2_000))


@needs_root
def test_a_full_disk_refuses_in_words_loses_nothing_and_is_over_when_there_is_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "small", "size=8m") as disk, running(tmp_path, disk / "data") as pool:
        ballast = disk / "ballast"
        taken = 0
        for number in range(1, 40):
            status, text = pool.ask("POST", "/v1/proxies", batch(number))
            if status != 200:
                break
            taken = number
            ballast.write_bytes(bytes(min(4_000_000, 400_000 * number)))
        else:
            raise AssertionError("the disk never filled up")
        assert status == 503, text
        problem = json.loads(text)
        assert "disk is full" in problem["detail"] or "could not be written" in problem["detail"]
        assert taken > 0
        # Reading goes on, and the pool says what is wrong.
        assert pool.ask("GET", "/v1/stats")[0] == 200
        ballast.unlink()
        deadline = time.monotonic() + PATIENCE
        while (
            status := pool.ask("POST", "/v1/links", '{"url": "https://example.com/"}', "application/json")[0]
        ) != 201:
            assert time.monotonic() < deadline, status
            time.sleep(0.2)
        # The counts are asked of the store once a second.
        while json.loads(pool.ask("GET", "/v1/stats")[1])["known"] < 2_000 * taken:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert pool.process.poll() is None


@needs_root
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with mounted(tmp_path / "readonly", "size=1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=PATIENCE)
        code, said = refusal(tmp_path, disk / "data")
    assert code == 2
    assert "Read-only file system" in said and "--data" in said


@needs_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="takes root's right to every file away with setpriv")
def test_another_users_folder_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    os.chown(data, 65_534, 65_534)
    code, said = refusal(tmp_path, data, before=("setpriv", "--bounding-set", "-dac_override,-dac_read_search"))
    assert code == 2
    assert "Permission denied" in said and "--data" in said


@pytest.mark.parametrize("damage", ["head", "middle", "cut"])
def test_a_damaged_file_is_said_and_left_as_it_is(tmp_path: Path, damage: str) -> None:
    data = tmp_path / "data"
    with running(tmp_path, data) as pool:
        assert pool.ask("POST", "/v1/proxies", batch(1))[0] == 200
    path = data / "shoal.db"
    content = bytearray(path.read_bytes())
    if damage == "head":
        content[:100] = b"\xff" * 100
    elif damage == "middle":
        content[4096:-4096] = b"\x55" * (len(content) - 8192)
    else:
        del content[5000:]
    path.write_bytes(content)
    for extra in data.glob("shoal.db-*"):
        extra.unlink()
    code, said = refusal(tmp_path, data)
    assert code == 2, said
    assert "damaged" in said and "backup" in said
    assert path.read_bytes() == content


@pytest.mark.skipif(sys.platform != "linux", reason="a child's limit on open files")
def test_too_few_open_files_are_told_and_no_file_is_blamed(tmp_path: Path) -> None:
    code, said = refusal(tmp_path, tmp_path / "data", before=("sh", "-c", 'ulimit -n 16 && exec "$0" "$@"'))
    assert code == 2
    assert "the limit on open files is too low" in said and "ulimit -n" in said
    assert "shoal.db" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit of another process")
def test_files_that_can_no_longer_be_written_are_told_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """The kernel refuses to make a file system read-only under files that are open for writing; a disk that fails lets
    every write fail. So does a process that may write no file of any length, which needs no root."""

    def write(pool: Running, number: int) -> tuple[int, str]:
        return pool.ask("POST", "/v1/links", f'{{"url": "https://example.com/{number}"}}', "application/json")

    with (tmp_path / "said").open("wb") as said, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=said) as cat:
        assert cat.stdin is not None
        # Its log goes through somebody who may write.
        with running(tmp_path, tmp_path / "data", output=cat.stdin.fileno()) as pool:
            cat.stdin.close()
            kept = [json.loads(write(pool, number)[1])["code"] for number in range(3)]
            most = resource.prlimit(pool.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            refused = [write(pool, number) for number in range(3, 6)]
            assert [status for status, _ in refused] == [503] * 3
            assert all("could not be read or written; check the disk" in text for _, text in refused)
            # Reading and handing out go on: there is no proxy here, which is an answer and no fault.
            assert pool.ask("GET", "/v1/stats")[0] == 200
            assert pool.ask("GET", "/get/")[0] in (200, 404)
            assert json.loads(pool.ask("GET", f"/v1/links/{kept[0]}")[1])["target"] == "https://example.com/0"
            resource.prlimit(pool.process.pid, resource.RLIMIT_FSIZE, most)
            deadline = time.monotonic() + PATIENCE
            while (answer := write(pool, 6))[0] != 201:
                assert time.monotonic() < deadline, answer
                time.sleep(0.1)
            kept.append(json.loads(answer[1])["code"])
    text = (tmp_path / "said").read_text()
    assert "Traceback" not in text, text
    with running(tmp_path, tmp_path / "data") as pool:
        for number, code in zip((0, 1, 2, 6), kept, strict=True):
            assert json.loads(pool.ask("GET", f"/v1/links/{code}")[1])["target"] == f"https://example.com/{number}"
