"""Real servers: Valkey from the wheel, Debian's Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from shoal.testing.redis_server import RedisServer, debian_program, redis_server, valkey_program


@pytest.fixture(params=["valkey", "redis"], scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    program = valkey_program() if request.param == "valkey" else debian_program()
    if program is None:
        pytest.skip("redis-server is not installed")
    with redis_server(program) as running:
        yield running


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    found = redis.Redis.from_url(server.url)
    found.flushall()
    yield found
    found.close()
