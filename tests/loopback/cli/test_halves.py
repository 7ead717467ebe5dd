"""Commands of their own processes against the lab: schedule and server, the doctor, interrupted checks, long lists."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import util
from pathlib import Path
from typing import Any

import pytest

_spec = util.spec_from_file_location("commands", Path(__file__).with_name("test_commands.py"))
assert _spec is not None and _spec.loader is not None
commands = util.module_from_spec(_spec)
_spec.loader.exec_module(commands)

PATIENCE = commands.PATIENCE
SHOAL = (sys.executable, "-m", "shoal")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("lab")
    with commands.running("lab", "--size", "150", "--preset", "mixed", "--dir", str(folder), folder=folder) as process:
        yield json.loads(process.stdout.readline())


@contextmanager
def started(*words: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    folder.mkdir(exist_ok=True)
    with commands.running(*words, folder=folder) as process:
        yield process


def answer(port: int, path: str) -> Any:
    return json.loads(commands.read(f"http://127.0.0.1:{port}{path}"))


def post(port: int, path: str, body: Any) -> Any:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as told:
        return json.loads(told.read())


def until(condition: Any) -> Any:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def test_scheduler_and_server_share_a_pool_and_the_server_outlives_the_scheduler(
    lab: dict[str, Any], tmp_path: Path
) -> None:
    port, data = commands.free_port(), ["--data", str(tmp_path / "data")]
    api = ["--api", f"127.0.0.1:{port}", "--gateway", "127.0.0.1:0"]
    schedule = ["schedule", *(word for url in lab["lists"][:3] for word in ("--source", url)), *commands.against(lab)]
    early = commands.run("server", *data, *api, *commands.against(lab), folder=tmp_path)
    assert early.returncode == 4 and early.stderr.count("\n") == 1 and "shoal schedule" in early.stderr
    with started(*schedule, *data, folder=tmp_path / "s") as first:
        assert "sources at 127.0.0.1" in first.stdout.readline() + first.stdout.readline() + first.stdout.readline()
        with started("server", *data, *api, *commands.against(lab), folder=tmp_path / "v") as server:
            commands.wait_for_proxy(port)
            second = commands.run(*schedule, *data, folder=tmp_path)
            assert second.returncode == 3
            # Imports and sources by API reach the half that checks.
            known = answer(port, "/v1/stats")["known"]
            done = commands.run(
                "import", "-", "--api", f"127.0.0.1:{port}", "--json", folder=tmp_path, input="127.9.9.9:9"
            )
            assert json.loads(done.stdout)["new"] == 1, done.stderr
            until(lambda: answer(port, "/v1/stats")["known"] > known)
            added = post(port, "/v1/sources", {"name": "late", "inline": ["127.9.9.10:9", "127.9.9.11:9"]})
            assert (added["origin"], added["enabled"]) == ("api", True)
            until(lambda: answer(port, "/v1/stats")["known"] >= known + 3)
            # What one half deletes the other does not bring back.
            popped = until(lambda: answer(port, "/pop/").get("proxy"))
            first.send_signal(signal.SIGTERM)
            assert first.wait(PATIENCE) == 0
            assert popped not in [row["proxy"] for row in answer(port, "/all/")]
            # Hands out from memory, and says what is wrong.
            until(lambda: "store fails" in json.dumps(answer(port, "/v1/stats")["problems"]))
            assert commands.read(f"http://127.0.0.1:{port}/all/")
            with started(*schedule, *data, folder=tmp_path / "s2") as again:
                until(lambda: not answer(port, "/v1/stats")["problems"])
                assert popped not in [row["proxy"] for row in answer(port, "/all/")]
                server.send_signal(signal.SIGTERM)
                assert server.wait(PATIENCE) == 0
                again.send_signal(signal.SIGTERM)
                assert again.wait(PATIENCE) == 0
    errors = "".join((tmp_path / name / "errors").read_text() for name in ("s", "v", "s2"))
    assert "Traceback" not in errors
    credit = commands.run("sources", "credit", "--json", *data, folder=tmp_path)
    rows = [json.loads(line) for line in credit.stdout.splitlines()]
    assert {row["name"] for row in rows} == {*lab["lists"][:3], "late"} and rows[0]["worked"] > 0


def test_the_doctor_tells_a_pool_that_runs_from_one_that_does_not(lab: dict[str, Any], tmp_path: Path) -> None:
    port = commands.free_port()
    words = ["--data", str(tmp_path / "data"), "--api", f"127.0.0.1:{port}", "--source", lab["lists"][0]]
    ill = commands.run("doctor", *words, *commands.against(lab), folder=tmp_path)
    assert ill.returncode == 1 and "WRONG  no pool runs" in ill.stdout and "2 of 2 judges answer" in ill.stdout
    assert not (tmp_path / "data").exists()
    with started("up", *words, "--gateway", "127.0.0.1:0", *commands.against(lab), folder=tmp_path / "u"):
        commands.wait_for_proxy(port)
        # A machine with much else to do may answer its own judges late now and then.
        for _ in range(10):
            well = commands.run("doctor", "--json", *words, *commands.against(lab), folder=tmp_path)
            if well.returncode == 0:
                break
        assert well.returncode == 0 and json.loads(well.stdout)["healthy"] is True, well.stdout
    blind = commands.run("doctor", *words, "--judge", "http://127.0.0.1:9/", "--allow", "127.0.0.0/8", folder=tmp_path)
    assert blind.returncode == 1 and "no judge answers" in blind.stdout


def test_a_source_is_tried_by_its_url(lab: dict[str, Any], tmp_path: Path) -> None:
    done = commands.run("sources", "test", lab["lists"][0], "--allow", "127.0.0.0/8", folder=tmp_path)
    assert done.returncode == 0 and "fetched" in done.stdout and done.stdout.count("    127.") == 10
    gone = commands.run("sources", "test", "http://127.0.0.1:9/list", "--allow", "127.0.0.0/8", folder=tmp_path)
    assert gone.returncode == 4 and "not read" in gone.stdout


def test_an_interrupted_check_leaves_a_whole_file_and_goes_on(lab: dict[str, Any], tmp_path: Path) -> None:
    entries = {f"127.0.{a}.{b}:9" for a in range(60) for b in range(1, 100)}
    truth = [json.loads(line) for line in commands.read(lab["truth"]).splitlines()]
    living = [row["proxy"] for row in truth if row["works"]][:5]
    (tmp_path / "list.txt").write_text("\n".join((*living, *sorted(entries))))
    output = tmp_path / "results.jsonl"
    words = [
        *("check", str(tmp_path / "list.txt"), lab["lists"][0], "--output", str(output), "--concurrency", "5"),
        *commands.against(lab),
    ]
    with started(*words, folder=tmp_path / "c") as check:
        assert check.stdout.readline().strip()
        check.send_signal(signal.SIGINT)
        assert check.wait(PATIENCE) == 130
    errors = (tmp_path / "c" / "errors").read_text()
    assert "--resume goes on" in errors and "interrupted" in errors
    first = [json.loads(line) for line in output.read_text().splitlines()]
    words[words.index("--concurrency") + 1] = "300"
    done = commands.run(*words, "--resume", "--timeout", "3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line)["proxy"].rpartition("/")[2] for line in output.read_text().splitlines()]
    assert len(rows) == len(set(rows)) > len(first) > 0 and entries <= set(rows)


def test_a_very_long_list_is_checked_in_bounded_memory(lab: dict[str, Any], tmp_path: Path) -> None:
    """Refused ports: nothing but the way from list to result."""
    with closing(socket.socket()) as taken:
        # Bound and not listening: whoever connects is refused, and nobody else gets the port meanwhile.
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        with (tmp_path / "long.txt").open("w") as file:
            for number in range(60_000):
                file.write(f"127.{1 + number // 62_500}.{number // 250 % 250}.{1 + number % 250}:{port}\n")
        output = tmp_path / "long.jsonl"
        words = ["check", str(tmp_path / "long.txt"), "--output", str(output), "--json", *commands.against(lab)]
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, *words],
            capture_output=True,
            text=True,
            timeout=110,
            env=commands.environment(tmp_path),
        )
    assert done.returncode == 1, done.stderr
    assert len(output.read_text().splitlines()) == 60_000
    assert "connecting: refused 60,000" in done.stderr
    used = int(done.stderr.rpartition("peak ")[2])
    # Peers keep a task or thread an entry: gigabytes. Here it is the program itself and a key for each entry.
    assert used < 160_000


# VmHWM (proc(5)) belongs to this program alone; ru_maxrss would remember the size of the process that forked it.
_MEASURED = """
import sys
from shoal.cli.main import run
code = run(sys.argv[1:])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("peak", peak, file=sys.stderr)
raise SystemExit(code)
"""
