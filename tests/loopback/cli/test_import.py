"""``shoal import`` as a user runs it, from files, URLs and a proxy_pool's Redis, and the mirror that a pool keeps."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from shoal.testing.redis_server import RedisServer, redis_server, valkey_program

SHOAL = (sys.executable, "-m", "shoal")
PATIENCE = 90.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder), **more}


def run(*words: str, folder: Path, entries: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SHOAL, *words],
        input=entries,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(folder, **more),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(*words: str, folder: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            [*SHOAL, *words], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(folder, **more)
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(PATIENCE)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def until(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if found := what():
                return found
        except (OSError, redis.RedisError):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def valkey() -> Iterator[RedisServer]:
    with redis_server(valkey_program()) as server:
        yield server


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_import_without_a_pool_goes_into_its_data_folder(tmp_path: Path, valkey: RedisServer) -> None:
    where = ("--data", str(tmp_path / "data"), "--json")
    nobody = {"SHOAL_API_LISTEN": f"127.0.0.1:{free_port()}"}
    (tmp_path / "list.txt").write_text("45.1.1.1:80\nsocks5://u:p%40ss@45.1.1.2:1080\n45.1.1.3:99999\n10.0.0.1:80\n")
    done = told(run("import", str(tmp_path / "list.txt"), *where, folder=tmp_path, **nobody))
    assert (done["read"], done["new"], done["into"]) == (3, 2, str(tmp_path / "data"))
    assert done["refused"] == {"bad_port": 1, "private": 1}
    page = '[{"ip": "45.1.1.1", "port": 80}, {"ip": "45.1.1.4", "port": "3128"}]'
    done = told(run("import", "-", *where, folder=tmp_path, entries=page, **nobody))
    assert (done["new"], done["known"]) == (1, 1)
    client = redis.Redis.from_url(valkey.url)
    client.hset("pool2", mapping={"45.1.1.5:80": '{"proxy": "45.1.1.5:80", "region": "CN"}', "x": "nonsense"})
    done = told(run("import", valkey.url, "--table", "pool2", *where, folder=tmp_path, **nobody))
    assert (done["read"], done["new"], done["refused"]) == (1, 1, {"malformed": 1})


def test_mistakes_are_told_in_one_line(tmp_path: Path, valkey: RedisServer) -> None:
    data = ("--data", str(tmp_path / "data"))
    port = free_port()
    for words, text in (
        (("import", "nothing.txt", *data), "nothing.txt does not exist"),
        (("import", valkey.url, "--table", "none", *data), "no hash named none"),
        (("import", "-", "--api", f"http://127.0.0.1:{port}", *data), "no pool answers at"),
        (("import", "ftp://x/y", *data), "redis://HOST"),
    ):
        done = run(*words, folder=tmp_path, entries="45.1.1.1:80", SHOAL_API_LISTEN=f"127.0.0.1:{port}")
        assert done.returncode not in (0, 1) and text in done.stderr, (words, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1 and "Traceback" not in done.stderr


def test_without_redis_py_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "redis.py").write_text("raise ImportError('redis is not here')")
    block = {"PYTHONPATH": os.pathsep.join((str(blocked), os.environ.get("PYTHONPATH", "")))}
    done = run("import", "redis://127.0.0.1:1", "--data", str(tmp_path / "d"), folder=tmp_path, **block)
    assert done.returncode == 2 and "pip install 'shoal[cluster]'" in done.stderr
    config = ("--data", str(tmp_path / "d"), "--api", "127.0.0.1:0", "--gateway", "127.0.0.1:0")
    away = {**block, "SHOAL_MIRROR_URL": "redis://127.0.0.1:1", "SHOAL_SOURCES_URLS": "-"}
    done = run("up", *config, folder=tmp_path, **away)
    assert done.returncode == 2 and "shoal[cluster]" in done.stderr and "Traceback" not in done.stderr


def test_a_pool_that_runs_takes_an_import_and_keeps_its_mirror(tmp_path: Path, valkey: RedisServer) -> None:
    """A lab, a pool with a mirror, the old pool's hash imported by API, and what an old script sees in Redis."""
    client = redis.Redis.from_url(valkey.url, decode_responses=True)
    lab_folder = tmp_path / "lab"
    lab_folder.mkdir()
    with started("lab", "--size", "60", "--preset", "alive", "--dir", str(lab_folder), folder=lab_folder) as lab:
        assert lab.stdout is not None
        world = json.loads(lab.stdout.readline())
        client.hset("old", mapping={name: json.dumps({"proxy": name}) for name in ("45.1.1.1:80", "45.1.1.2:80")})
        port = free_port()
        flags = ["--api", f"127.0.0.1:{port}", "--gateway", "127.0.0.1:0", "--data", str(tmp_path / "data")]
        flags += ["--judge-ca", world["ca"], *(word for judge in world["judges"] for word in ("--judge", judge))]
        settings = {
            "SHOAL_ADMISSION_ALLOW": "127.0.0.0/8",
            "SHOAL_MIRROR_URL": valkey.url,
            "SHOAL_MIRROR_INTERVAL": "0.2",
            "SHOAL_SOURCES_CATALOG": "false",
        }
        with started("up", *flags, folder=tmp_path, **settings):
            base = f"http://127.0.0.1:{port}"
            until(lambda: get(f"{base}/healthz"))
            places = [*world["lists"], "--allow", "127.0.0.0/8"]
            done = told(run("import", *places, "--api", base, "--json", folder=tmp_path))
            assert done["into"] == base and done["new"] > 20
            old = told(
                run("import", valkey.url, "--table", "old", "--api", f"127.0.0.1:{port}", "--json", folder=tmp_path)
            )
            assert (old["read"], old["new"]) == (2, 2)

            def mirrored() -> bool:
                values = [json.loads(value)["proxy"] for value in client.hvals("use_proxy")]
                listed_now = [one["proxy"] for one in get(f"{base}/all/")]
                return len(values) > 5 and sorted(values) == sorted(listed_now)

            until(mirrored)
            gone = client.hkeys("use_proxy")[0]
            get(f"{base}/delete/?proxy={gone}")
            until(lambda: not client.hexists("use_proxy", gone))
