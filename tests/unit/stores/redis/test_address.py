"""URLs of shared stores: what they name, and that no message repeats a password."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.errors import ConfigError
from shoal.stores.open import is_shared
from shoal.stores.redis.address import is_redis_url, server_of

SECRET = "hunter2"


def settings(url: str, password: str | None = None) -> dict[str, Any]:
    return dict(server_of(url, password).client.connection_pool.connection_kwargs)


def test_a_plain_url_names_host_port_and_database() -> None:
    server = server_of(f"redis://user:{SECRET}@cache.example:6380/3")
    kept = server.client.connection_pool.connection_kwargs
    assert (kept["host"], kept["port"], kept["db"], kept["username"], kept["password"]) == (
        "cache.example",
        6380,
        3,
        "user",
        SECRET,
    )
    assert server.name == "cache.example:6380"


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_tls_is_spoken_where_the_scheme_says_so(scheme: str) -> None:
    pool = server_of(f"{scheme}://cache.example?ssl_ca_certs=/etc/ca.pem").client.connection_pool
    assert pool.connection_class.__name__ == "SSLConnection"
    assert pool.connection_kwargs["ssl_ca_certs"] == "/etc/ca.pem"
    assert settings("valkey://cache.example")["host"] == "cache.example"


def test_a_unix_socket_is_named_by_its_path() -> None:
    server = server_of("unix:///run/valkey.sock?db=2")
    assert server.name == "/run/valkey.sock"
    kept = server.client.connection_pool.connection_kwargs
    assert (kept["path"], kept["db"]) == ("/run/valkey.sock", 2)


def test_a_password_from_elsewhere_is_used_where_the_url_has_none() -> None:
    assert settings("redis://cache.example", SECRET)["password"] == SECRET
    assert settings("redis://:own@cache.example", SECRET)["password"] == "own"
    assert settings("unix:///run/valkey.sock", SECRET)["password"] == SECRET


@pytest.mark.parametrize("tls", [False, True])
def test_sentinels_are_asked_for_the_master_of_a_service(tls: bool) -> None:
    scheme = "rediss+sentinel" if tls else "redis+sentinel"
    server = server_of(f"{scheme}://user:{SECRET}@a.example:26380,[::1]/main/2?sentinel_password=other")
    pool = server.client.connection_pool
    assert (pool.service_name, pool.connection_kwargs["db"], pool.connection_kwargs["password"]) == ("main", 2, SECRET)
    known = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert [(one["host"], one["port"], one["password"]) for one in known] == [
        ("a.example", 26380, "other"),
        ("::1", 26379, "other"),
    ]
    assert ("SSL" in pool.connection_class.__name__) is tls
    assert SECRET not in server.name


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@host:port/0",
        f"redis://:{SECRET}@host/0?socket_timeout=never",
        f"redis+sentinel://:{SECRET}@host:26379",
        f"redis+sentinel://:{SECRET}@/main",
        f"redis+sentinel://:{SECRET}@host/main/first",
        f"unix://:{SECRET}@",
    ],
)
def test_a_url_that_cannot_be_read_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        server_of(url)
    assert SECRET not in str(told.value) and "store.url" in str(told.value)


def test_the_schemes_of_shared_stores_are_one_list() -> None:
    for scheme in ("redis", "rediss", "valkey", "valkeys", "unix", "redis+sentinel", "valkeys+sentinel", "sqlite", "x"):
        assert is_redis_url(scheme) is is_shared(f"{scheme}://a")
    assert not is_shared(None)
