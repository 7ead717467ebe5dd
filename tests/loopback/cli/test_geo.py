"""``shoal geo`` against a site on loopback."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoal.cli.main import run
from shoal.testing.mmdb import make_mmdb


@pytest.fixture
def site() -> Iterator[str]:
    germany, network = {"country": {"iso_code": "DE"}}, {"autonomous_system_number": 64500}
    files = {
        "/country.gz": gzip.compress(make_mmdb({"203.0.113.0/24": germany}, "DBIP-Country-Lite")),
        "/asn.gz": gzip.compress(make_mmdb({"203.0.113.0/24": network}, "DBIP-ASN-Lite")),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_databases_are_fetched_from_where_the_settings_say_and_told_with_their_owner(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOAL_GEO_COUNTRY_URL", f"{site}/country.gz")
    monkeypatch.setenv("SHOAL_GEO_ASN_URL", f"{site}/asn.gz")
    place = ["--data", str(tmp_path)]
    assert run(["geo", "status", *place]) == 1
    assert "shoal geo update" in capsys.readouterr().err
    assert run(["geo", "update", *place]) == 0
    out, err = capsys.readouterr()
    assert [Path(line).name for line in out.splitlines()] == ["country.mmdb", "asn.mmdb"]
    assert "DB-IP" in err and "CC BY 4.0" in err
    assert run(["geo", "update", "--json", *place]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "DB-IP" in told["attribution"] and all(Path(file).is_file() for file in told["files"])
    assert run(["geo", "status", *place]) == 0
    country, asn = capsys.readouterr().out.splitlines()
    assert country.startswith("country: DBIP-Country-Lite of 20") and "IP geolocation by DB-IP" in country
    assert asn.startswith("asn: DBIP-ASN-Lite of 20")
    assert run(["geo", "status", "--json", *place]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["holds"], row["is_named"], row["error"]) for row in rows] == [
        ("country", False, None),
        ("asn", False, None),
    ]


def test_what_cannot_be_fetched_or_read_is_told_and_changes_nothing(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SHOAL_GEO_COUNTRY_URL", f"{site}/nothing-{{month}}.gz")
    assert run(["geo", "update", "--data", str(tmp_path)]) != 0
    assert "is not there, nor is last month's" in capsys.readouterr().err
    broken = tmp_path / "mine.mmdb"
    broken.write_text("no database")
    monkeypatch.setenv("SHOAL_GEO_COUNTRY", str(broken))
    assert run(["geo", "status", "--data", str(tmp_path)]) == 1
    assert "cannot be read" in capsys.readouterr().out
