"""Reading a proxy_pool's hash, whatever stands in it."""

from __future__ import annotations

import json

import pytest
import redis

from shoal.errors import ConfigError, StoreError
from shoal.sources.extract.proxy_pool import read_hash
from shoal.stores.peer_hash import VALUE_LIMIT_BYTES, PeerHash
from shoal.testing.redis_server import RedisServer


def value(proxy: str, **more: object) -> str:
    """As proxy_pool writes it."""
    told = {
        "proxy": proxy, "https": False, "fail_count": 0, "region": "CN", "anonymous": "", "source": "docip/ip3366",
        "check_count": 21, "last_status": True, "last_time": "2022-08-14 21:27:14",
    }  # fmt: skip
    return json.dumps(told | more, ensure_ascii=False)


async def read(peer: PeerHash, limit: int = 1_000_000) -> tuple[list[str], dict[str, int]]:
    found, refused, seen = [], {}, set()
    try:
        async for page, big in peer.entries(limit=limit):
            if big:
                refused["too_long"] = refused.get("too_long", 0) + big
            found += read_hash(page, refused, seen)
    finally:
        await peer.close()
    return [str(one.endpoint) for one in found], refused


async def test_every_entry_is_read_once(server: RedisServer, client: redis.Redis) -> None:
    names = [f"45.{number // 250}.{number % 250}.7:8080" for number in range(3_000)]
    client.hset("use_proxy", mapping={name: value(name) for name in names})
    found, refused = await read(PeerHash(server.url, "use_proxy", setting="x"))
    assert sorted(found) == sorted(names) and refused.keys() <= {"duplicate"}
    part, _ = await read(PeerHash(server.url, "use_proxy", setting="x"), limit=700)
    assert len(part) == 700


async def test_hostile_values_are_refused_and_counted(server: RedisServer, client: redis.Redis) -> None:
    client.hset(
        "use_proxy",
        mapping={
            "45.1.1.1:80": value("45.1.1.1:80", region=None),
            "u:p@45.1.1.2:80": value("u:p@45.1.1.2:80"),
            "old-style": "not json",
            "45.1.1.3:80": "1",
            "45.1.1.4:80": value("45.1.1.4:99999"),
            "45.1.1.5:80": value("999.1.1.1:80"),
            "45.1.1.6:80": json.dumps({"proxy": ["x"]}),
            "45.1.1.7:80": value("45.1.1.7:80\r\nSET a b"),
            b"\xff\xfe": b"\x00\x01",
            "deep": "[" * 8_000,
            "big": "x" * (VALUE_LIMIT_BYTES + 1),
            "n" * 5_000: value("45.1.1.8:80"),
            "huge": "y" * 30_000_000,
        },
    )
    found, refused = await read(PeerHash(server.url, "use_proxy", setting="x"))
    # Where the value is nothing of the kind, its field may still name the proxy.
    assert sorted(found) == ["45.1.1.1:80", "45.1.1.2:80", "45.1.1.3:80", "45.1.1.6:80"]
    assert refused["too_long"] == 3 and refused["bad_port"] == 1 and refused["bad_address"] == 1
    assert sum(refused.values()) == 9


async def test_a_server_that_runs_no_scripts_is_read_all_the_same(server: RedisServer, client: redis.Redis) -> None:
    client.hset("use_proxy", mapping={"45.1.1.1:80": value("45.1.1.1:80"), "big": "x" * (VALUE_LIMIT_BYTES + 1)})
    client.acl_setuser(
        "plain", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@all"], commands=["-eval"]
    )
    url = server.url.replace("redis://", "redis://plain:secret@")
    assert await read(PeerHash(url, "use_proxy", setting="x")) == (["45.1.1.1:80"], {"too_long": 1})


async def test_what_is_no_such_hash_is_told(server: RedisServer, client: redis.Redis) -> None:
    client.set("text", "x")
    with pytest.raises(StoreError, match="no hash named use_proxy"):
        await read(PeerHash(server.url, "use_proxy", setting="x"))
    with pytest.raises(StoreError, match="is a string"):
        await read(PeerHash(server.url, "text", setting="x"))


async def test_no_message_shows_the_password() -> None:
    with pytest.raises(ConfigError) as wrong:
        PeerHash("redis://:hunter2@host:notaport/0", "use_proxy", setting="mirror.url")
    with pytest.raises(StoreError) as gone:
        await read(PeerHash("redis://:hunter2@127.0.0.1:1/0", "use_proxy", setting="mirror.url"))
    assert "hunter2" not in f"{wrong.value}{gone.value}" and "mirror.url" in str(wrong.value)
