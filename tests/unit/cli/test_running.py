"""Signals: the first one asks, the second one ends."""

import contextlib
import signal
import subprocess
import sys
import time

import pytest

WAITS = """
import asyncio, sys
from shoal.cli import running
running.STOP_LIMIT = float(sys.argv[2])
async def polite(stop):
    print("ready", flush=True)
    await stop.wait()
    return 0
async def deaf(stop):
    print("ready", flush=True)
    await stop.wait()
    print("asked", flush=True)
    while True:
        await asyncio.sleep(1)
async def stuck(stop):
    import time
    print("ready", flush=True)
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    await stop.wait()
    return 0
async def busy(stop):
    import time
    told = []
    stop.at_once.append(lambda: told.append(stop.is_set()))
    print("ready", flush=True)
    while not told:
        time.sleep(0.01)
    await stop.wait()
    print("told before its turn" if told == [False] else told)
    return 0
async def working(stop):
    print("ready", flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        print("written", flush=True)
    return 0
late = polite
runner = running.run_until_interrupted if sys.argv[1] == "working" else running.run_until_stopped
code = runner(globals()[sys.argv[1]])
if sys.argv[1] == "late":
    print("stopped", flush=True)
    sys.stdin.readline()
sys.exit(code)
"""


def started(name: str, limit: float = 30.0) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, name, str(limit)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_to_stop(number: signal.Signals) -> None:
    with started("polite") as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0 and err == ""


def test_a_second_interrupt_leaves_at_once() -> None:
    with started("deaf") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None and process.stdout.readline() == "asked\n"
        for _ in range(100):
            # Again and again, since one that comes too soon counts as the first one come twice.
            process.send_signal(signal.SIGINT)
            if process.poll() is not None:
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and err == "shoal: interrupted twice, leaving at once\n"


def test_a_signal_that_comes_twice_is_one() -> None:
    with started("polite") as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0 and err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_of_a_pair_may_come_after_the_end(number: signal.Signals) -> None:
    with started("late") as process:
        process.send_signal(number)
        assert process.stdout is not None and process.stdout.readline() == "stopped\n"
        process.send_signal(number)
        out, err = process.communicate("go on\n", timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_who_does_not_stop_in_time_is_ended() -> None:
    with started("deaf", limit=0.2) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "did not stop in time" in err


def test_interrupted_work_is_written_and_has_its_own_code() -> None:
    with started("working") as process:
        before = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - before < 15
    assert process.returncode == 130 and out == "written\n" and err == "shoal: interrupted\n"


def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    with started("stuck", limit=0.5) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and "did not stop in time" in err


def test_a_loop_that_is_busy_hears_of_the_signal_at_once() -> None:
    with started("busy") as process:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "told before its turn\n", "")
