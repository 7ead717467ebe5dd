"""The broker of the batches is killed and comes back, empty: picks and writes go on, and checks do afterwards."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from shoal.testing.redis_server import redis_server

from . import conftest
from .conftest import Cluster, free_port, started_lab, until

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.timeout(600)]


def test_checks_pause_while_the_broker_is_gone_and_go_on_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        store, broker = (stack.enter_context(redis_server()) for _ in range(2))
        monkeypatch.setitem(conftest.QUICK, "SHOAL_CLUSTER_BROKER", broker.url)
        cluster = Cluster(store, started_lab(tmp_path, stack, 20), tmp_path, stack)
        cluster.apis["one"] = free_port()
        sources = [word for url in cluster.lab["lists"] for word in ("--source", url)]
        up = cluster.start(
            "one", "up", *sources, "--api", f"127.0.0.1:{cluster.apis['one']}", "--gateway", "127.0.0.1:0"
        )
        cluster.worker("eu", "eu")
        until(lambda: cluster.stat("working") > 3, "proxies that work")

        def grows() -> None:
            before = cluster.stat("checked_total")
            until(lambda: cluster.stat("checked_total") >= before + 5, "checks that go on")

        def troubles() -> list[str]:
            return [said for said in cluster.stat("problems") if "can be sent to the workers" in said]

        grows()
        broker.kill()
        until(troubles, "that the broker is told as gone")
        before = cluster.stat("working")
        for number in range(5):
            assert cluster.ask("one", "/v1/proxies/pick")["proxy"]
            assert cluster.ask("one", "/v1/links", {"url": f"https://example.com/{number}"}, "POST")["code"]
        assert cluster.stat("working") >= before
        broker.start()
        grows()
        until(lambda: not troubles(), "that all is well again")
        assert up.poll() is None
