"""The [[target]] tables: read, checked one by one, held against the address rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoal.config import configured_targets, load_options
from shoal.errors import ConfigError
from shoal.options import Expect, Options, OwnTarget


def load(folder: Path, text: str) -> Options:
    file = folder / "shoal.toml"
    file.write_text(text)
    return load_options({}, file=file)


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return "\n".join(caught.value.problems)


def test_every_field_of_a_table_arrives(tmp_path: Path) -> None:
    options = load(
        tmp_path,
        """
        [targets]
        interval = 600
        [[target]]
        url = "https://shop.example/login"
        name = "shop"
        expect = { status = [200, 302], regex = "Sign in", not-regex = "robot" }
        interval = 60
        cool_down = 30
        rate = 2
        user_agent = "Mozilla/5.0"
        [[target]]
        url = "https://news.example"
        """,
    )
    assert options.targets.own[0] == OwnTarget(
        url="https://shop.example/login",
        name="shop",
        expect=Expect((200, 302), "Sign in", "robot"),
        interval=60.0,
        cool_down=30.0,
        rate=2.0,
        user_agent="Mozilla/5.0",
    )
    shop, news = configured_targets(options)
    assert (shop.name, shop.from_file, news.name, news.interval) == ("shop", True, "news.example", 600.0)


@pytest.mark.parametrize(
    "text",
    [
        'expect.status = 200\nexpect.regex = "a"\nexpect.not_regex = "b"',
        'expect-status = 200\nexpect-regex = "a"\nexpect-not-regex = "b"',
        'expect_status = 200\nexpect_regex = "a"\nexpect_not_regex = "b"',
        'status = 200\nregex = "a"\nnot-regex = "b"',
    ],
)
def test_what_is_expected_may_be_written_as_people_write_it(tmp_path: Path, text: str) -> None:
    (own,) = load(tmp_path, f'[[target]]\nurl = "https://a.example"\n{text}\n').targets.own
    assert own.expect == Expect(200, "a", "b")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('name = "x"', "has no url"),
        ('url = "https://a.example"\ninterva = 3', "did you mean interval?"),
        ('url = "https://a.example"\nexpect = { body = "x" }', "there are status, regex and not-regex"),
        ('url = "https://a.example"\ninterval = "soon"', "expected"),
        ('url = "http://10.0.0.1/"', "private"),
        ('url = "https://a.example"\nregex = "("', "no regular expression"),
    ],
)
def test_every_problem_is_told(tmp_path: Path, table: str, says: str) -> None:
    assert says in problems(tmp_path, f"[[target]]\n{table}\n")


def test_two_of_one_name_and_one_table_are_told(tmp_path: Path) -> None:
    two = '[[target]]\nurl = "https://a.example/1"\n[[target]]\nurl = "https://a.example/2"\n'
    assert "name of its own" in problems(tmp_path, two)
    assert "[[target]]" in problems(tmp_path, '[target]\nurl = "https://a.example"\n')


def test_private_targets_are_opened_by_the_setting_for_targets(tmp_path: Path) -> None:
    text = '[gateway]\nallow_target = ["10.0.0.0/8"]\n[[target]]\nurl = "http://10.0.0.1/"\n'
    assert configured_targets(load(tmp_path, text))[0].host == "10.0.0.1"
