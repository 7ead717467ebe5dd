"""Merging settings: order of places, every problem at once, secrets."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.config import SETTINGS, load_options
from shoal.config.load import origins_of
from shoal.domain import Refused, Trust
from shoal.errors import ConfigError
from shoal.options import Options
from shoal.policy.address_rules import AddressRules


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def problems_of(flags: dict[str, object] | None = None, **more: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_options(flags or {}, **more)  # type: ignore[arg-type]
    return caught.value.problems


def test_nothing_given_means_the_defaults() -> None:
    assert load_options({}) == Options()


def test_flags_beat_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[check]\nconcurrency = 1\nrate = 1\ntimeout = 20\n[pool]\nmax_age = 7\n")
    environ = {"SHOAL_CHECK_CONCURRENCY": "2", "SHOAL_CHECK_RATE": "2"}
    options = load_options({"check.concurrency": 3}, file=file, environ=environ)
    assert (options.check.concurrency, options.check.rate, options.check.timeout) == (3, 2.0, 20.0)
    assert options.pool.max_age == 7.0
    assert options.check.min_interval == Options().check.min_interval


def test_the_file_is_the_named_one_else_the_variable_else_the_working_folder_else_the_platforms(tmp_path: Path) -> None:
    def timeout(**more: object) -> float:
        return load_options({}, **more).check.timeout  # type: ignore[arg-type]

    (tmp_path / "config" / "shoal").mkdir(parents=True)
    (tmp_path / "config" / "shoal" / "shoal.toml").write_text("[check]\ntimeout = 11\n")
    assert timeout() == 11
    (tmp_path / "shoal.toml").write_text("[check]\ntimeout = 12\n")
    assert timeout() == 12
    (tmp_path / "variable.toml").write_text("[check]\ntimeout = 13\n")
    environ = {"SHOAL_CONFIG": str(tmp_path / "variable.toml")}
    assert timeout(environ=environ) == 13
    (tmp_path / "flag.toml").write_text("[check]\ntimeout = 14\n")
    assert timeout(environ=environ, file=tmp_path / "flag.toml") == 14


def test_every_problem_is_told_at_once_with_place_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "shoal.toml"
    file.write_text('[check]\nconcurency = 5\ntimeout = "long"\n[chek]\nx = 1\n[pool]\nmin_forecast = 2\n')
    found = problems_of({"admission.allow": ("10.0.0.0/33",)}, environ={"SHOAL_CHECK_RATE": "fast"})
    text = "\n".join(found)
    assert len(found) == 6
    assert "check.concurency; did you mean concurrency?" in text
    assert "[chek]; did you mean check?" in text
    assert f"check.timeout ({file.name}) is 'long', but must be a number above 0 and at most 300" in text
    assert "pool.min_forecast" in text and "at least 0 and at most 1" in text
    assert "check.rate (SHOAL_CHECK_RATE) is 'fast', but must be a number at least 0" in text
    assert "admission.allow (--allow) names '10.0.0.0/33'" in text


def test_a_file_that_is_missing_or_broken_is_one_problem(tmp_path: Path) -> None:
    (problem,) = problems_of(file=tmp_path / "none.toml")
    assert "none.toml (named by --config) cannot be read: no such file or directory" in problem
    (tmp_path / "broken.toml").write_text("[check\n")
    (problem,) = problems_of(file=tmp_path / "broken.toml")
    assert "no valid TOML" in problem and "line 1" in problem
    (problem,) = problems_of(environ={"SHOAL_CONFIG": "/nonexistent.toml"})
    assert "named by SHOAL_CONFIG" in problem


def test_lists_in_the_environment_keep_commas_of_urls() -> None:
    environ = {
        "SHOAL_SOURCES_URLS": "http://lists.example/a?types=http,socks5  http://lists.example/b",
        "SHOAL_ADMISSION_ALLOW": "10.0.0.0/8, 192.168.0.0/16",
    }
    options = load_options({}, environ=environ)
    assert options.sources.urls == ("http://lists.example/a?types=http,socks5", "http://lists.example/b")
    assert options.admission.allow == ("10.0.0.0/8", "192.168.0.0/16")


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("0", False), ("TRUE", True), ("off", False)])
def test_switches_in_the_environment(text: str, value: bool) -> None:
    assert load_options({}, environ={"SHOAL_JUDGE_PUBLIC": text}).judge.public is value


def test_an_empty_variable_means_not_set() -> None:
    assert load_options({}, environ={"SHOAL_API_TOKEN": " ", "SHOAL_CHECK_RATE": ""}) == Options()


def test_secrets_can_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    options = load_options({}, environ={"SHOAL_API_TOKEN_FILE": str(tmp_path / "token")})
    assert options.api.token == "s3cret"
    (problem,) = problems_of(environ={"SHOAL_API_TOKEN_FILE": str(tmp_path / "token"), "SHOAL_API_TOKEN": "x"})
    assert "both set" in problem
    (problem,) = problems_of(environ={"SHOAL_API_JUDGE_KEY_FILE": str(tmp_path / "nothing")})
    assert "api.judge_key" in problem and "cannot be read" in problem


def test_only_secrets_can_come_from_a_file(tmp_path: Path) -> None:
    (problem,) = problems_of(environ={"SHOAL_CHECK_RATE_FILE": str(tmp_path)})
    assert "SHOAL_CHECK_RATE_FILE is no setting" in problem


def test_no_message_shows_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    file.write_text('[api]\ntoken = 123456\n[judge]\nurls = ["ftp://user:hunter2@judge.example/#key=hunter2"]\n')
    text = "\n".join(problems_of({"gateway.users": "bob:hunter2"}, file=file))
    assert "api.token" in text and "judge.urls" in text and "gateway.users" in text
    assert "123456" not in text and "hunter2" not in text


def test_a_misspelt_variable_is_told_and_foreign_ones_are_left_alone() -> None:
    (problem,) = problems_of(environ={"SHOAL_CHECK_TIMOUT": "3"})
    assert problem == ("the environment variable SHOAL_CHECK_TIMOUT is no setting; did you mean SHOAL_CHECK_TIMEOUT?")
    foreign = {"SHOAL_API_SERVICE_HOST": "10.0.0.1", "SHOAL_API_PORT_5010_TCP_ADDR": "10.0.0.1", "SHOAL_LOG": "json"}
    assert load_options({}, environ=foreign | {"SHOAL_HOME": "/x", "PATH": "/bin"}) == Options()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("api.listen", "5010", "HOST:PORT"),
        ("api.listen", "::1:5010", "HOST:PORT"),
        ("api.listen", "127.0.0.1:70000", "HOST:PORT"),
        ("store.url", "mysql://x", "sqlite:///PATH, redis://HOST:PORT/DB or memory:"),
        ("judge.urls", ("judge.example",), "no http or https URL"),
        ("judge.urls", ("http://[::1",), "no http or https URL"),
        ("sources.urls", ("ftp://x/y",), "a source is an http or https URL, or a file"),
        ("sources.urls", ("nowhere.txt",), "neither a URL nor a file here"),
        ("judge.ca_file", "nowhere.pem", "there is no such file"),
        ("check.concurrency", 0, "a whole number at least 1"),
        ("check.concurrency", True, "a whole number"),
        ("check.timeout", float("nan"), "a number above 0"),
        ("store.data", "a\x1bb", "control character"),
    ],
)
def test_values_that_cannot_work_are_told(key: str, value: object, told: str) -> None:
    (problem,) = problems_of({key: value})
    assert key in problem and told in problem and "\x1b" not in problem


def test_paths_in_a_file_count_from_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "list.txt").write_text("")
    (tmp_path / "sub" / "ca.pem").write_text("")
    file = tmp_path / "sub" / "f.toml"
    file.write_text('[sources]\nurls = ["list.txt"]\n[judge]\nca_file = "ca.pem"\n[store]\ndata = "d"\n')
    options = load_options({}, file=file)
    assert options.sources.urls == (str(tmp_path / "sub" / "list.txt"),)
    assert options.judge.ca_file == str(tmp_path / "sub" / "ca.pem")
    assert options.store.data == str(tmp_path / "sub" / "d")


def test_no_stage_outlasts_the_whole_check() -> None:
    check = load_options({"check.timeout": 2.0}).check
    assert (check.connect_timeout, check.handshake_timeout) == (2.0, 2.0)
    assert load_options({"check.timeout": 30.0}).check.connect_timeout == Options().check.connect_timeout


def test_settings_that_contradict_each_other_are_told() -> None:
    (problem,) = problems_of({"check.min_interval": 10.0, "check.max_interval": 5.0})
    assert "check.min_interval (10) is above check.max_interval (5)" in problem


@given(st.dictionaries(st.sampled_from([s.environment for s in SETTINGS]), st.text(max_size=20)))
def test_any_environment_gives_options_or_one_error(environ: dict[str, str]) -> None:
    try:
        options = load_options({}, environ=environ)
    except ConfigError as error:
        assert all(problem.isprintable() for problem in error.problems)
    else:
        assert msgspec.convert(msgspec.to_builtins(options), Options) == options


def test_a_deny_file_adds_to_what_is_denied(tmp_path: Path) -> None:
    (tmp_path / "deny.txt").write_text("# ours\n203.0.113.0/24   # the office\n\nbad.example\n")
    (tmp_path / "shoal.toml").write_text('[admission]\ndeny = ["8.8.8.8"]\ndeny_file = "deny.txt"\n')
    options = load_options({}, file=tmp_path / "shoal.toml")
    assert options.admission.deny == ("8.8.8.8", "203.0.113.0/24", "bad.example")
    rules = AddressRules.from_options(options.admission)
    assert {rules.refusal(host, Trust.OWN) for host in ("8.8.8.8", "a.bad.example")} == {Refused.DENIED}
    assert rules.refusal("8.8.4.4", Trust.PUBLIC) is None


def test_a_deny_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "deny.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match="it is not text"):
        load_options({"admission.deny_file": str(tmp_path / "deny.txt")})
    with pytest.raises(ConfigError, match="there is no such file"):
        load_options({"admission.deny_file": str(tmp_path / "none")})


def test_flags_have_an_origin_too(tmp_path: Path) -> None:
    file = tmp_path / "shoal.toml"
    file.write_text("[api]\nlimit = 50\n[pool]\ncapacity = 3\n")
    flags = {"api.listen": "127.0.0.1:1", "store.data": None, "sources.urls": ()}
    origins = origins_of(file, {"SHOAL_API_LIMIT": "60"}, flags)
    assert origins == {"api.limit": "SHOAL_API_LIMIT", "pool.capacity": str(file), "api.listen": "--api"}
