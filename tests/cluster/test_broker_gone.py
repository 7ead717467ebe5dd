"""The broker of the batches is killed and comes back, empty: picks and writes go on, and checks do afterwards."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from shoal.testing.redis_server import redis_server

from . import conftest
from .conftest import SHOAL, Cluster, free_port, until

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.timeout(600)]


def test_checks_pause_while_the_broker_is_gone_and_go_on_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        store, broker = (stack.enter_context(redis_server()) for _ in range(2))
        monkeypatch.setitem(conftest.QUICK, "SHOAL_CLUSTER_BROKER", broker.url)
        lab = stack.enter_context(
            subprocess.Popen(
                [*SHOAL, "lab", "--size", "20", "--preset", "alive", "--dir", str(tmp_path / "lab"), "--until-eof"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(lab.kill)
        assert lab.stdout is not None
        cluster = Cluster(store, json.loads(lab.stdout.readline()), tmp_path, stack)
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
