"""More clients than there are descriptors: nobody crashes, and it is over when they leave."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from pathlib import Path

import pytest
from tests.hostile.test_faults import PATIENCE, Running

LIMIT = 256


@pytest.mark.parametrize("face", ["api", "gateway"])
def test_when_descriptors_run_out_the_pool_waits_and_goes_on(tmp_path: Path, face: str) -> None:
    pool = Running(
        tmp_path,
        tmp_path / "data",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, LIMIT)),  # type: ignore[arg-type]
    )
    try:
        pool.wait()
        listening = False
        deadline = time.monotonic() + PATIENCE
        while not listening:
            assert time.monotonic() < deadline and pool.process.poll() is None
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", pool.gateway), 5.0):
                listening = True
        with contextlib.ExitStack() as clients:
            for _ in range(LIMIT + 100):
                client = clients.enter_context(socket.socket())
                client.settimeout(5.0)
                client.connect(("127.0.0.1", pool.port if face == "api" else pool.gateway))
            # The last ones wait in the listener's queue; those who were let in are still served.
            assert pool.process.poll() is None
        deadline = time.monotonic() + PATIENCE
        status = 0
        while status != 200:
            assert time.monotonic() < deadline and pool.process.poll() is None
            with contextlib.suppress(OSError):
                status = pool.ask("GET", "/healthz")[0]
        # The pool is empty: what counts is that the gateway answers, and in which words.
        told = b""
        while not told.startswith(b"HTTP/1.1 503"):
            assert time.monotonic() < deadline and pool.process.poll() is None
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", pool.gateway), 5.0) as client:
                client.sendall(b"GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
                told = client.recv(65_536)
        assert b"no_proxy" in told
        assert pool.ask("POST", "/v1/links", '{"url": "https://example.com/"}', "application/json")[0] == 201
        assert "Traceback" not in pool.log.read_text()
    finally:
        pool.process.kill()
        pool.process.wait()
