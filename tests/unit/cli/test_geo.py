from __future__ import annotations

import gzip
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.cli.main import run
from shoal.testing.mmdb import make_mmdb

DATA = gzip.compress(make_mmdb({"203.0.113.0/24": {"country": {"iso_code": "DE"}}}, "DBIP-Country-Lite"))


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if "broken" not in self.path else 500)
            self.end_headers()
            self.wfile.write(DATA)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    import shoal.geo  # noqa: F401 - so that the module is there

    monkeypatch.setattr(sys.modules["shoal.geo.update"], "URLS", (("country.mmdb", base + "/{month}.gz"),))
    yield base
    server.shutdown()
    server.server_close()


def test_update_leaves_the_database_in_the_data_folder(
    publisher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["geo", "update", "--data", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == [str(tmp_path / "country.mmdb")] and (tmp_path / "country.mmdb").is_file()
    assert "DB-IP" in told["attribution"]


def test_update_shows_what_its_licence_asks_for(
    publisher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["geo", "update", "--data", str(tmp_path)]) == 0
    assert "CC BY 4.0" in capsys.readouterr().err


def test_a_publisher_that_fails_is_one_sentence(
    publisher: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["shoal.geo.update"], "URLS", (("country.mmdb", publisher + "/broken{month}"),))
    assert run(["geo", "update", "--data", str(tmp_path)]) == 2
    assert "answered 500" in capsys.readouterr().err and not (tmp_path / "country.mmdb").exists()
