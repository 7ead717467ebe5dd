"""What users are told about their server's settings."""

from __future__ import annotations

from shoal.stores.redis.advice import advice

GOOD = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def test_a_server_that_keeps_all_gets_no_advice() -> None:
    assert advice(GOOD) == ()


def test_without_an_append_only_file_the_user_is_told_what_is_lost() -> None:
    (said,) = advice(GOOD | {"appendonly": "no"})
    assert "appendonly yes" in said and "lost" in said


def test_a_second_between_two_syncs_is_told() -> None:
    (said,) = advice(GOOD | {"appendfsync": "everysec"})
    assert "everysec" in said and "always" in said


def test_a_server_that_evicts_is_told() -> None:
    (said,) = advice(GOOD | {"maxmemory-policy": "allkeys-lru"})
    assert "noeviction" in said
