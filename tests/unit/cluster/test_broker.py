"""Which broker the settings name."""

from __future__ import annotations

import pytest

from shoal.cluster.broker import broker_of, make_app
from shoal.options import ClusterOptions, Options, StoreOptions


def options(store: str, broker: str | None = None, password: str | None = None, prefix: str = "shoal") -> Options:
    return Options(
        store=StoreOptions(url=store, password=password, prefix=prefix), cluster=ClusterOptions(broker=broker)
    )


@pytest.mark.parametrize(
    ("store", "url"),
    [
        ("redis://cache.example", "redis://cache.example:6379/0"),
        ("valkey://u:p@cache.example:6380/3", "redis://u:p@cache.example:6380/3"),
        ("valkeys://cache.example/1?ssl_ca_certs=/ca.pem", "rediss://cache.example:6379/1?ssl_ca_certs=/ca.pem"),
        ("redis://[::1]:6380/0", "redis://[::1]:6380/0"),
        ("unix:///run/valkey.sock?db=2", "redis+socket:///run/valkey.sock?virtual_host=2"),
        ("redis+sentinel://:p@a:1,b:2/main/4", "sentinel://:p@a:1/4;sentinel://:p@b:2/4"),
    ],
)
def test_the_shared_store_is_the_broker_unless_another_is_named(store: str, url: str) -> None:
    assert broker_of(options(store)).url == url
    assert broker_of(options(store, "amqp://guest@mq.example//")).url == "amqp://guest@mq.example//"


def test_sentinels_are_told_which_service() -> None:
    assert broker_of(options("redis+sentinel://a,b/main")).transport["master_name"] == "main"


def test_the_password_of_the_store_is_the_brokers_too() -> None:
    assert broker_of(options("redis://cache.example", password="p@ss")).url == "redis://:p%40ss@cache.example:6379/0"
    assert broker_of(options("redis://:own@cache.example", password="x")).url == "redis://:own@cache.example:6379/0"


def test_pools_on_one_server_have_queues_of_their_own() -> None:
    one, other = (broker_of(options("redis://a", prefix=prefix)).transport for prefix in ("one", "other"))
    assert one["global_keyprefix"] != other["global_keyprefix"]


def test_messages_can_carry_no_code_and_nothing_is_redelivered_by_the_broker() -> None:
    conf = make_app(broker_of(options("redis://a"))).conf
    assert (conf.task_serializer, list(conf.accept_content)) == ("json", ["json"])
    assert (conf.task_acks_late, conf.task_ignore_result, conf.worker_enable_remote_control) == (False, True, False)
