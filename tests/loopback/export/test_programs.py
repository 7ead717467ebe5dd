"""The programs themselves read what was written for them."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from shoal.domain import Capability, Endpoint, Forecast, Pick, Scheme
from shoal.export import Format, content_type, export
from shoal.testing.builders import make_path, make_record


def pick(number: int, scheme: Scheme = Scheme.HTTP, *, host: str = "127.0.0.1", port: int = 8080) -> Pick:
    path = make_path(scheme, capabilities=frozenset({Capability.FORWARD}))
    record = replace(make_record(number, paths=(path,)), endpoint=Endpoint(host, port))
    return Pick(record, path, record.proxy(scheme), Forecast(0.9, 0.5))


class _Proxy(BaseHTTPRequestHandler):
    """Answers a request in absolute form with its target, and a tunnel likewise."""

    def do_GET(self) -> None:
        body = f"asked for {self.path}".encode()
        self.send_response(200)
        if self.path == "/proxy.pac":
            body = export([pick(1, port=self.server.server_address[1])], Format.PAC).encode()
            self.send_header("Content-Type", content_type(Format.PAC))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self.rfile.readline()
        body = f"asked for {self.path}".encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="proxy")
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def run(*command: str, environ: dict[str, str] | None = None, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environ or {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environ)


def test_curl_takes_its_file(tmp_path: Path, port: int) -> None:
    file = tmp_path / "curlrc"
    file.write_text(export([pick(1, port=port)], Format.CURL))
    assert run("curl", "-sS", "-K", str(file), "http://target.invalid/x").stdout == "asked for http://target.invalid/x"


def test_curl_takes_the_environment(port: int) -> None:
    lines = export([pick(1, port=port)], Format.ENV).splitlines()
    environ = dict(line.split("=", 1) for line in lines)
    assert run("curl", "-sS", "http://target.invalid/", environ=environ).stdout == "asked for http://target.invalid/"


def test_a_shell_reads_the_environment(tmp_path: Path, port: int) -> None:
    file = tmp_path / "proxy.env"
    file.write_text(export([pick(1, port=port)], Format.ENV))
    done = run("sh", "-euc", 'set -a; . "$0"; curl -sS http://target.invalid/; unset no_proxy', str(file))
    assert done.stdout == "asked for http://target.invalid/", done.stderr


@pytest.mark.parametrize("format", [Format.TXT, Format.PLAIN])
def test_a_line_of_a_list_is_what_curl_takes(format: Format, port: int) -> None:
    (line,) = export([pick(1, port=port)], format).splitlines()
    assert run("curl", "-sS", "-x", line, "http://target.invalid/y").stdout == "asked for http://target.invalid/y"


def test_a_browser_follows_the_pac_file(tmp_path: Path, port: int) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        assert not os.environ.get("CI"), "this test needs Debian's chromium: make test installs it"
        pytest.skip("no chromium here")
    done = run(
        chromium,
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={tmp_path / 'profile'}",
        f"--proxy-pac-url=http://127.0.0.1:{port}/proxy.pac",
        *("--timeout=60000", "--dump-dom", "http://target.invalid/z"),
        environ={"HOME": str(tmp_path)},
        timeout=150,
    )
    assert "asked for http://target.invalid/z" in done.stdout, done.stderr[-2000:]


def test_haproxy_checks_its_backends(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    picks = [pick(number, scheme) for number, scheme in enumerate(Scheme)]
    picks += [pick(8, host="::1"), pick(9, host="localhost")]
    listen = "frontend pool\n    mode tcp\n    timeout client 10m\n    bind 127.0.0.1:65000\n"
    listen += "    default_backend shoal_http\n\n"
    file.write_text(listen + export(picks, Format.HAPROXY))
    done = run("haproxy", "-c", "-f", str(file))
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr and "[ALERT]" not in done.stderr


def test_proxychains_goes_through_the_list(tmp_path: Path, port: int) -> None:
    file = tmp_path / "proxychains.conf"
    file.write_text(export([pick(1, port=port), pick(2, Scheme.HTTPS)], Format.PROXYCHAINS))
    done = run("proxychains4", "-q", "-f", str(file), "curl", "-sS", "http://192.0.2.7/")
    assert done.stdout == "asked for 192.0.2.7:80", done.stderr
