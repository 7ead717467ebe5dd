"""What the API benchmark compares with: an empty Starlette route, and jhao104/proxy_pool's approach in a dozen lines.

That program's server asks Redis for every value of one hash at each request (`HVALS use_proxy`), decodes one of them
with `json` and answers it from Flask under gunicorn with four workers. Flask, gunicorn and redis-py go into a
temporary environment of their own; Redis is Debian's `redis-server`, or `valkey-server` where that is found.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _harness import free_port, process

EMPTY = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

async def empty(request):
    return Response(b"{}", media_type="application/json")

app = Starlette(routes=[Route("/empty", empty)])
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="uvloop", log_level="error",
            access_log=False)
"""
FLASK = """
import json, random, sys
from flask import Flask, jsonify, request
from redis import Redis

app, redis = Flask(__name__), Redis(port=%d, decode_responses=True)

@app.route("/get/")
def get():
    if request.args.get("type", "").lower() == "https":
        found = [one for one in redis.hvals("use_proxy") if json.loads(one).get("https")]
    else:
        found = redis.hvals("use_proxy")
    return jsonify(json.loads(random.choice(found))) if found else {"code": 0, "src": "no proxy"}
"""


@contextmanager
def empty_starlette(folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process of an application with one route that answers ``{}`` at ``/empty``."""
    (folder / "empty.py").write_text(EMPTY)
    port = free_port()
    with process((sys.executable, str(folder / "empty.py"), str(port)), folder / "empty.log") as child:
        _await(port, folder / "empty.log")
        yield port, child.pid


@contextmanager
def proxy_pool(folder: Path, size: int, environment: Path) -> Iterator[tuple[int, list[int]]]:
    """Port and processes (gunicorn's first, Redis) of the approach with ``size`` proxies in its hash."""
    store = free_port()
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program is not None
    words = (program, "--port", str(store), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
    with process(words, folder / "redis.log") as redis:
        _await(store, folder / "redis.log")
        _fill(store, size)
        (folder / "peer.py").write_text(FLASK % store)
        port = free_port()
        python = environment / "bin" / "python"
        words = (str(python), "-m", "gunicorn", "-w", "4", "-b", f"127.0.0.1:{port}", "peer:app")
        with process(words, folder / "gunicorn.log", cwd=folder) as child:
            _await(port, folder / "gunicorn.log")
            yield port, [child.pid, redis.pid]


def peer_environment(folder: Path) -> Path | None:
    """A fresh environment with Flask, gunicorn and redis-py; None where they cannot be had."""
    if shutil.which("redis-server") is None and shutil.which("valkey-server") is None:
        return None
    environment = folder / "peers"
    subprocess.run((sys.executable, "-m", "venv", str(environment)), check=True, capture_output=True)
    words = (str(environment / "bin" / "pip"), "install", "-q", "flask", "gunicorn", "redis[hiredis]")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return environment if done.returncode == 0 else None


def _fill(port: int, size: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answers = connection.makefile("rb")
        for number in range(size):
            proxy = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:8080"
            value = json.dumps(
                {
                    "proxy": proxy,
                    "https": bool(number % 2),
                    "fail_count": 0,
                    "region": "",
                    "anonymous": "",
                    "source": "freeProxy01/freeProxy07",
                    "check_count": 4,
                    "last_status": True,
                    "last_time": "2026-01-01 00:00:00",
                }
            )
            words = ("HSET", "use_proxy", proxy, value)
            text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            connection.sendall(text.encode())
            answers.readline()


def _await(port: int, log: Path) -> None:
    end = time.monotonic() + 30.0
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"it does not listen: {log.read_text()[-500:]}")
