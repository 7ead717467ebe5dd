"""A pool at work with every kind of secret: none stands where somebody else could read it."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.hostile.test_faults import PATIENCE, command, free_port

PROXY, USER, TOKEN, JUDGE = "proxy-pass-61f0", "gateway-pass-83c2", "api-token-4d7e9b21", "judge-key-0b5a"
SETTINGS = f"""
[api]
token = "{TOKEN}"
[gateway]
users = ["me:{USER}"]
[judge]
urls = ["http://127.0.0.1:9/check/#key={JUDGE}"]
[check]
processes = 2
min_interval = 1
"""


def descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def ask(port: int, method: str, path: str, body: str = "") -> tuple[int, str]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        link.request(method, path, body.encode(), {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"})
        answer = link.getresponse()
        return answer.status, answer.read().decode()
    finally:
        link.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process list of Linux")
def test_no_secret_is_in_answers_logs_metrics_the_process_list_or_the_database(tmp_path: Path) -> None:
    settings, log, data, port = tmp_path / "shoal.toml", tmp_path / "log", tmp_path / "data", free_port()
    settings.write_text(SETTINGS)
    settings.chmod(0o600)
    words = command(tmp_path, port, data)
    at = words.index("--judge")
    words[at : at + 2] = ["--config", str(settings)]
    seen: dict[str, str] = {}
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as pool:
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                assert time.monotonic() < deadline and pool.poll() is None, log.read_text()
                try:
                    if ask(port, "GET", "/healthz")[0] == 200:
                        break
                except OSError:
                    time.sleep(0.05)
            proxies = "\n".join(f"http://me:{PROXY}@127.7.7.{number}:9" for number in range(1, 9))
            status, seen["import"] = ask(port, "POST", "/v1/proxies", proxies)
            assert status == 200, seen["import"]
            assert ask(port, "POST", "/v1/proxies", f"http://me:{PROXY}@127.0.0.1:99999")[0] < 500
            # What is wrong is answered without repeating what was shown.
            for path in (
                "/metrics", "/v1/stats", "/v1/settings", "/v1/proxies", "/v1/sources", "/v1/tokens", "/readyz",
                "/v1/gateway", f"/v1/proxies/http://me:{PROXY}x@nowhere:1", "/all/", "/v1/proxies?format=jsonl",
            ):  # fmt: skip
                seen[path] = ask(port, "GET", path)[1]
            while len(descendants(pool.pid)) < 3:
                assert time.monotonic() < deadline, "the processes that check did not start"
                time.sleep(0.05)
            for pid in descendants(pool.pid):
                seen[f"process {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            assert len(seen) > 12
        finally:
            pool.kill()
    seen["log"] = log.read_text()
    for file in data.rglob("*"):
        if file.is_file() and file.name != "secret.key":
            seen[str(file)] = file.read_bytes().decode("latin-1")
            assert file.stat().st_mode & 0o077 == 0, file
    secrets = (PROXY, USER, TOKEN, JUDGE)
    found = [(where, secret) for where, text in seen.items() for secret in secrets if secret in text]
    assert found == []
    assert any("127.7.7.1" in text for where, text in seen.items() if where.endswith(".db") or "-wal" in where)
