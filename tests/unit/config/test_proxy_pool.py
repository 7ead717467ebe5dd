"""A proxy_pool's setting.py: read, never run, and what it becomes."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.config import load_options
from shoal.config.proxy_pool import migrate, read_setting
from shoal.errors import ConfigError

SETTING = '''
# -*- coding: utf-8 -*-
BANNER = r"""
   ____
"""
VERSION = "2.5.0"
HOST = "0.0.0.0"
PORT = 5010
DB_CONN = 'redis://:pwd@127.0.0.1:6379/0'
TABLE_NAME = 'use_proxy'
PROXY_FETCHER_EXCLUDE = ["Ip3366Fetcher", "MyFetcher"]
HTTP_URL = "http://httpbin.org"
VERIFY_TIMEOUT = 7
MAX_FAIL_COUNT = 0
POOL_SIZE_MIN: int = 20
TIMEZONE = "Asia/Shanghai"
SECRET = __import__("os").system("touch ran")
'''
KNOWN = {"Ip3366Fetcher", "freeProxy01"}


def migrated(text: str, **environ: str) -> tuple[dict[str, object], str, str]:
    values, unclear = read_setting(text)
    done = migrate(values, unclear, environ, KNOWN.__contains__)
    return tomllib.loads(done.toml), done.toml, "\n".join(done.notes)


def test_nothing_of_the_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, notes = migrated(SETTING)
    assert not list(tmp_path.iterdir()) and "SECRET: worked out by code" in notes


def test_settings_with_a_counterpart_are_written_and_all_others_told(tmp_path: Path) -> None:
    document, text, notes = migrated(SETTING)
    assert document["api"] == {"listen": "127.0.0.1:5010"}
    assert document["check"] == {"timeout": 7}
    assert document["sources"] == {"disable": ["Ip3366Fetcher"]}
    assert "# " in text and "pwd" not in text + notes
    for name in ("HOST", "DB_CONN", "TABLE_NAME", "HTTP_URL", "MAX_FAIL_COUNT", "POOL_SIZE_MIN", "TIMEZONE"):
        assert f"{name}: " in notes
    assert "MyFetcher" in notes and "BANNER" not in notes and "VERSION" not in notes
    (tmp_path / "shoal.toml").write_text(text)
    assert load_options({}, file=tmp_path / "shoal.toml").check.timeout == 7.0


def test_the_environment_lies_over_the_file_as_it_does_there() -> None:
    document, _, notes = migrated(SETTING, PORT="6000", HOST="::1", VERIFY_TIMEOUT="2.5", PATH="/bin")
    assert document["api"] == {"listen": "[::1]:6000"}
    assert "PORT: taken from the environment" in notes and "PATH" not in notes
    assert document["check"] == {"timeout": 2.5}


def test_release_2_4_names_methods() -> None:
    document, _, notes = migrated('PROXY_FETCHER = ["freeProxy01", "freeProxy99"]\n')
    assert document["sources"] == {"enable": ["freeProxy01"]} and "freeProxy99" in notes


def test_defaults_in_calls_for_the_environment_are_understood() -> None:
    document, _, notes = migrated('import os\nPORT = os.environ.get("X", 7000)\nHOST = os.getenv("H", "127.0.0.2")\n')
    assert document["api"] == {"listen": "127.0.0.2:7000"} and notes == ""


@pytest.mark.parametrize("text", ["PORT = 'many'", "PORT = 99999", "VERIFY_TIMEOUT = 'x'", "VERIFY_TIMEOUT = -1"])
def test_values_that_cannot_stand_are_told(text: str) -> None:
    _, _, notes = migrated(text)
    assert text.split()[0] in notes


def test_what_is_no_python_is_told() -> None:
    with pytest.raises(ConfigError, match="line 1"):
        read_setting("<?php echo")


@given(st.text(max_size=80), st.dictionaries(st.sampled_from(["HOST", "PORT", "VERIFY_TIMEOUT", "DB_CONN"]), st.text()))
def test_whatever_stands_there_the_outcome_is_valid_toml(tail: str, environ: dict[str, str]) -> None:
    try:
        values, unclear = read_setting(f"HOST = {tail!r}\nPROXY_FETCHER = [{tail!r}]\n{tail}")
    except ConfigError:
        return
    tomllib.loads(migrate(values, unclear, environ, lambda name: True).toml)
