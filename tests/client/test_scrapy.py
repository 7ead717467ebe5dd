"""A real crawl, in a process of its own: a reactor can be started once only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.domain import Credentials
from shoal.lab import FailureKind

CRAWL = """
import json, sys
from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess

urls, settings = json.loads(sys.argv[1])
found = []

class Pages(Spider):
    name = "pages"

    async def start(self):
        for url, more in urls:
            yield Request(url, callback=self.parse, errback=self.failed, dont_filter=True, **more)

    def parse(self, response):
        found.append([response.url, response.status, response.meta.get("shoal_proxy"), "proxy" in response.meta])

    def failed(self, failure):
        found.append([failure.request.url, str(failure.value), None, False])

process = CrawlerProcess({
    "DOWNLOADER_MIDDLEWARES": {"shoal_client.scrapy.ShoalMiddleware": 749},
    "LOG_LEVEL": "ERROR", "RETRY_TIMES": 4, "SHOAL_TIMEOUT": 2, "TELNETCONSOLE_ENABLED": False, **settings,
})
process.crawl(Pages)
process.start()
print(json.dumps(found))
"""
Make = Callable[..., Any]


def crawl(tmp_path: Path, urls: list[Any], **settings: Any) -> list[Any]:
    script = tmp_path / "crawl.py"
    script.write_text(CRAWL)
    done = subprocess.run(
        [sys.executable, str(script), json.dumps([urls, settings])], capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_crawl_goes_through_the_pool_past_dead_proxies(make_place: Make, tmp_path: Path) -> None:
    place = make_place(
        FailureKind.STATUS_407,
        FailureKind.RESET,
        FailureKind.STATUS_403,
        None,
        credentials=Credentials("user", "hunter2"),
    )
    place.service.records = [place.service.records[i] for i in (0, 1, 3)]
    found = crawl(tmp_path, [[place.http + "/echo", {}], [place.https + "/echo", {}]], SHOAL_URL=place.api)
    good = f"http://user:***@{place.proxies[3].endpoint}"
    assert sorted(found) == sorted(
        [[place.http + "/echo", 200, good, False], [place.https + "/echo", 200, good, False]]
    )
    assert {seen["peer"] for seen in place.site.seen} == {place.proxies[3].behaviour.exits[0]}
    assert all("proxy-authorization" not in seen["headers"] for seen in place.site.seen)
    told = place.told()
    assert [ok for _, ok, _ in told].count(True) == 2
    assert {why for _, _, why in told} >= {"handshake.auth"}


def test_without_a_proxy_or_with_bare_credentials_nothing_is_sent(make_place: Make, tmp_path: Path) -> None:
    place = make_place(None)
    bare = [place.http + "/echo", {"headers": {"Authorization": "Basic eDp5"}}]
    found = crawl(tmp_path, [bare], SHOAL_URL=place.api)
    assert "credentials over plain http://" in found[0][1]
    place.service.records = []
    found = crawl(tmp_path, [[place.http + "/echo", {}]], SHOAL_URL=place.api)
    assert "the pool has no proxy" in found[0][1]
    assert place.site.seen == []


def test_a_crawl_goes_through_the_gateway(make_place: Make, tmp_path: Path) -> None:
    place = make_place(None, None)
    urls = [[place.https + "/echo", {"meta": {"shoal_session": "s"}}]] * 3
    assert [row[1] for row in crawl(tmp_path, urls, SHOAL_GATEWAY=place.gateway)] == [200] * 3
    assert len({seen["peer"] for seen in place.site.seen}) == 1
