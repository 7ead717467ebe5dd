"""The client with the real pool: collected, checked and leased over the lab; feedback changes what is known."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from shoal.app import open_pool
from shoal.cli.demo import options_for
from shoal.lab import Lab
from shoal.options import Options
from shoal_client import Session


async def test_a_script_uses_the_pool_from_end_to_end(tmp_path: Path) -> None:
    async with Lab(seed=2, size=30, preset="alive", latency_scale=0) as lab:
        options = options_for(Options(), dict(lab.describe()), tmp_path)
        anywhere = {"listen": "127.0.0.1:0"}
        options = replace(options, api=replace(options.api, **anywhere), gateway=replace(options.gateway, **anywhere))
        async with open_pool(options, announce=lambda text: None) as pool:
            async with asyncio.timeout(20):
                while not pool.service.ready()[0]:
                    await asyncio.sleep(0.05)
            plain, tls = (judge.partition("#")[0] for judge in lab.judges[:2])
            before = sum(oks(pool))
            found = await asyncio.to_thread(use, pool.api_url, plain, tls, str(lab.ca_file))
            assert found["statuses"] == {200}
            assert len(found["sticky"]) == 1
            assert found["told"]
            assert sum(oks(pool)) >= before + 9
            # A lease that was given back can be taken again by somebody who wants it alone.
            assert found["exclusive"] == 200


def oks(pool: Any) -> list[int]:
    return [path.health.oks for record in pool.service._pool.records() for path in record.paths]


def use(api: str, plain: str, tls: str, ca_file: str) -> dict[str, Any]:
    with Session(api) as session:
        answers = [session.get(url, verify=ca_file) for url in (plain, tls) for _ in range(3)]
        sticky = [session.get(url, sticky="basket", verify=ca_file) for url in (plain, tls, plain)]
        told = session.flush()
    with Session(api, exclusive=True) as session:
        exclusive = session.get(tls, verify=ca_file).status_code
    return {
        "statuses": {answer.status_code for answer in answers + sticky},
        "sticky": {answer.proxy for answer in sticky},
        "told": told,
        "exclusive": exclusive,
    }
