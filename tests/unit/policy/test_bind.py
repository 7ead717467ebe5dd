from __future__ import annotations

import pytest

from shoal.errors import ConfigError
from shoal.options import ApiOptions
from shoal.policy.bind import check_bind, parse_listen


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:5010", ("127.0.0.1", 5010)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_listen(text: str, parsed: tuple[str, int]) -> None:
    assert parse_listen(text) == parsed


@pytest.mark.parametrize("text", ["", "5010", ":5010", "::1:5010", "a:", "a:70000", "a:-1", "a:x", "a:８０"])
def test_listen_says_what_it_wants(text: str) -> None:
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:5010"):
        parse_listen(text)


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_no_credential(listen: str) -> None:
    check_bind(ApiOptions(listen=listen))


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "192.168.1.2:1", "pool.example:1"])
def test_a_public_bind_needs_token_or_networks(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.token or api\.allow_from"):
        check_bind(ApiOptions(listen=listen))
    check_bind(ApiOptions(listen=listen, token="t" * 20))
    check_bind(ApiOptions(listen=listen, allow_from=("192.168.1.0/24",)))


def test_every_bad_network_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        check_bind(ApiOptions(allow_from=("10.0.0.1/8", "fe80::/10", "x")))
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("token", ["", "  ", "tökén"])
def test_an_unusable_token_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match=r"api\.token"):
        check_bind(ApiOptions(token=token))
