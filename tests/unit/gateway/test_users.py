"""Credentials and limits."""

from __future__ import annotations

import pytest

from shoal.errors import ConfigError
from shoal.gateway.refusal import Refusal
from shoal.gateway.users import User, Users, hash_password
from shoal.options import GatewayOptions


async def test_clear_entries_are_answered_at_once_and_hashed_ones_are_remembered() -> None:
    users = Users(GatewayOptions(users=("clear:pw", f"hashed:{hash_password('secret')}")))
    assert users.required
    found = users.check("clear", "pw")
    assert isinstance(found, tuple) and found[0].name == "clear"
    assert isinstance(users.check("clear", "no"), Refusal)
    assert users.check("hashed", "secret") is None
    assert isinstance(await users.check_slowly("hashed", "secret"), tuple)
    assert isinstance(users.check("hashed", "secret"), tuple)
    assert isinstance(await users.check_slowly("hashed", "guess"), Refusal)
    assert isinstance(users.check("hashed", "guess"), Refusal)
    assert isinstance(await users.check_slowly("nobody", "guess"), Refusal)


async def test_parameters_are_taken_off_the_password() -> None:
    users = Users(GatewayOptions(users=("me:a_b",)))
    found = users.check("me", "a_b_country-us_session-x")
    assert isinstance(found, tuple) and found[1] == "country-us_session-x"


async def test_without_users_everybody_is_nobody() -> None:
    users = Users(GatewayOptions())
    assert not users.required
    found = users.check("anyone", "x_session-a")
    assert found == (users.nobody, "session-a")


async def test_wrong_entries_are_all_named() -> None:
    with pytest.raises(ConfigError) as caught:
        Users(GatewayOptions(users=("noname", "a:b", "a:c", "d:scrypt$x")))
    assert len(caught.value.problems) == 3
    assert not any(problem[-1] == "b" for problem in caught.value.problems)


def test_a_users_rate_connections_and_bytes_are_limits() -> None:
    user = User("me", GatewayOptions(user_rate=1.0, user_connections=1, user_bytes=10))
    user.connections = 1
    assert user.admit(0.0) is None
    assert user.admit(0.0) is None
    assert user.admit(0.0) is not None
    assert user.admit(5.0) is None
    user.connections = 2
    assert user.admit(9.0) is not None
    user.connections, user.bytes = 1, 10
    assert user.admit(10.0) is not None
    assert user.admit(86_500.0) is None
