"""More clients than there are descriptors: nobody crashes, and it is over when they leave."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from pathlib import Path

from tests.hostile.test_faults import PATIENCE, Running

LIMIT = 256


def test_when_descriptors_run_out_the_pool_waits_and_goes_on(tmp_path: Path) -> None:
    pool = Running(
        tmp_path,
        tmp_path / "data",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT)),  # type: ignore[arg-type]
    )
    try:
        pool.wait()
        with contextlib.ExitStack() as clients:
            for _ in range(LIMIT + 100):
                client = clients.enter_context(socket.socket())
                client.settimeout(5.0)
                client.connect(("127.0.0.1", pool.port))
            # The last ones wait in the listener's queue; those who were let in are still served.
            assert pool.process.poll() is None
        deadline = time.monotonic() + PATIENCE
        status = 0
        while status != 200:
            assert time.monotonic() < deadline and pool.process.poll() is None
            with contextlib.suppress(OSError):
                status = pool.ask("GET", "/healthz")[0]
        assert pool.ask("POST", "/v1/links", '{"url": "https://example.com/"}', "application/json")[0] == 201
        assert "Traceback" not in pool.log.read_text()
    finally:
        pool.process.kill()
        pool.process.wait()
