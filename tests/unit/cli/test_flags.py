"""Shared flags become settings."""

import pytest

from shoal.cli import flags
from shoal.cli.main import run
from shoal.options import Options


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    seen: list[Options] = []

    def serve(options: Options, title: str) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr("shoal.cli.up.serve", serve)
    for name in ("SHOAL_CONFIG", "SHOAL_LOG"):
        monkeypatch.delenv(name, raising=False)
    return seen


def test_every_shared_flag_fills_its_setting(served: list[Options], tmp_path: object) -> None:
    words = [
        *("--source", "http://a.example/x", "--source", __file__, "--judge", "http://j.example/#key=k"),
        *("--judge", "https://k.example/", "--judge-ca", __file__, "--allow", "10.0.0.0/8", "--data", "/d"),
        *("--store", "memory:", "--api", "127.0.0.1:1", "--gateway", "127.0.0.1:2", "--concurrency", "5"),
        *("--timeout", "2.5"),
    ]
    assert run(["up", *words]) == 0
    (options,) = served
    assert options.sources.urls == ("http://a.example/x", __file__)
    assert options.judge.urls == ("http://j.example/#key=k", "https://k.example/")
    assert options.judge.ca_file == __file__
    assert options.admission.allow == ("10.0.0.0/8",)
    assert (options.store.data, options.store.url) == ("/d", "memory:")
    assert (options.api.listen, options.gateway.listen) == ("127.0.0.1:1", "127.0.0.1:2")
    assert (options.check.concurrency, options.check.timeout, options.check.connect_timeout) == (5, 2.5, 2.5)


def test_without_flags_the_settings_are_those_of_file_and_environment(
    served: list[Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_CHECK_CONCURRENCY", "7")
    assert run(["up"]) == 0
    assert served[0].check.concurrency == 7 and served[0].sources.urls == ()


def test_the_gateways_flags_reach_its_settings(served: list[Options]) -> None:
    run(["up", "--gateway", "127.0.0.1:5999", "--allow-target", "10.0.0.0/8"])
    assert served[0].gateway.listen == "127.0.0.1:5999" and served[0].gateway.allow_target == ("10.0.0.0/8",)


def test_every_shared_flag_has_a_setting_behind_it() -> None:
    from shoal.config.settings import FLAGS

    assert {key: f"--{name.replace('_', '-')}" for name, key in flags._KEYS.items()} == FLAGS
