"""At `/` a browser gets the page and a script the routes; files are named by their content."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re

import pytest
from starlette.testclient import TestClient

from shoal.api import build_app
from shoal.api.dashboard import wants_page
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records

CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)


def client(**options: object) -> TestClient:
    app = build_app(FakeService(*typical_records()), ApiOptions(**options), version="1")  # type: ignore[arg-type]
    return TestClient(app, base_url="http://127.0.0.1:5010", client=("127.0.0.1", 50000))


def test_who_wants_the_page() -> None:
    firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert wants_page(CHROMIUM) and wants_page(firefox) and wants_page("TEXT/HTML") and wants_page("text/html;q=0.5")
    for accept in ("", "*/*", "application/json", "application/json, text/plain, */*", "text/*", "text/html;q=0"):
        assert not wants_page(accept), accept
    assert not wants_page("text/html;q=0.5, application/json")
    assert wants_page("text/html, application/json;q=0.9")


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_a_script_gets_the_routes_as_ever(accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = client().get("/", headers=headers)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["url"][0]["url"] == "/get"
    assert answer.headers["vary"] == "Accept"


def test_a_browser_gets_the_page_and_its_policy() -> None:
    answer = client().get("/", headers={"Accept": CHROMIUM})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    inline = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>([^<]*)</script>", answer.text)
    assert len(inline) == 1, "the import map is the only script in the page"
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert " style=" not in answer.text and " onload=" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_is_asked_for_again_and_not_sent_twice() -> None:
    web = client()
    first = web.get("/", headers={"Accept": CHROMIUM})
    assert first.headers["cache-control"] == "no-cache"
    again = web.get("/", headers={"Accept": CHROMIUM, "If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def assets(page: str) -> list[str]:
    return sorted(set(re.findall(r"\./(assets/[^\"]+)", page)))


def test_every_file_of_the_page_is_there_and_kept_for_ever() -> None:
    web = client()
    names = assets(web.get("/", headers={"Accept": CHROMIUM}).text)
    assert len(names) > 8
    for name in names:
        answer = web.get(f"/{name}")
        assert answer.status_code == 200, name
        assert "immutable" in answer.headers["cache-control"] and "max-age=31536000" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        kind = answer.headers["content-type"].split(";")[0]
        assert kind in ("text/javascript", "text/css", "image/svg+xml"), name
        assert web.get(f"/{name}", headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_files_are_packed_only_for_those_who_can_unpack() -> None:
    web = client()
    name = next(one for one in assets(web.get("/", headers={"Accept": CHROMIUM}).text) if one.endswith("app.js"))
    for wanted in ("identity", "gzip;q=0", "br"):
        answer = web.get(f"/{name}", headers={"Accept-Encoding": wanted})
        assert "content-encoding" not in answer.headers, wanted
    with web.stream("GET", f"/{name}", headers={"Accept-Encoding": "gzip, br"}) as packed:
        assert gzip.decompress(b"".join(packed.iter_raw())) == answer.content


def test_another_version_and_another_folder_are_not_served() -> None:
    web = client()
    name = assets(web.get("/", headers={"Accept": CHROMIUM}).text)[0]
    digest = name.split("/")[1]
    for path in ("assets/0000000000000000/app.js", f"assets/{digest}/__init__.py", f"assets/{digest}/nothing.js",
                 f"assets/{digest}/../../api/app.py", f"assets/{digest}/%2e%2e/__init__.py",
                 f"assets/{digest}/vendor/README.md"):  # fmt: skip
        assert web.get(f"/{path}").status_code == 404, path


def test_the_page_needs_no_token_and_whatever_it_shows_does() -> None:
    web = client(token="a-token-for-tests")
    page = web.get("/", headers={"Accept": CHROMIUM})
    assert page.status_code == 200
    for name in assets(page.text):
        assert web.get(f"/{name}").status_code == 200
    assert web.get("/").status_code == 401
    assert web.get("/v1/stats", headers={"Accept": CHROMIUM}).status_code == 401


def test_files_do_not_count_as_requests() -> None:
    web = client(rate=1.0)
    name = assets(web.get("/", headers={"Accept": CHROMIUM}).text)[0]
    assert {web.get(f"/{name}").status_code for _ in range(10)} == {200}


def test_a_head_has_the_length_and_no_body() -> None:
    web = client()
    whole = web.get("/", headers={"Accept": CHROMIUM, "Accept-Encoding": "identity"})
    head = web.head("/", headers={"Accept": CHROMIUM, "Accept-Encoding": "identity"})
    assert head.content == b"" and head.headers["etag"] == whole.headers["etag"]
    assert web.post("/", headers={"Accept": CHROMIUM}).status_code == 405
