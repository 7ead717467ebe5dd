"""The [[source]] tables: read, placed and checked one by one."""

from pathlib import Path

import pytest

from shoal.config import load_options
from shoal.domain import Scheme, Trust
from shoal.errors import ConfigError
from shoal.options import OwnSource


def tables(folder: Path, text: str) -> tuple[OwnSource, ...]:
    file = folder / "shoal.toml"
    file.write_text(text)
    return load_options({}, file=file).sources.own


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        tables(folder, text)
    return [problem.removeprefix(f"{folder / 'shoal.toml'}, ") for problem in caught.value.problems]


def test_every_field_of_a_table_arrives(tmp_path: Path) -> None:
    (own,) = tables(
        tmp_path,
        """
        [[source]]
        name = "my vendor"
        api = "https://vendor.example/get?key=${KEY}"
        enabled = false
        scheme = "socks5"
        trust = "public"
        tier = 3
        interval = 60
        max_in_flight = 5
        min_interval = 1.5
        check_interval = 600
        byte_budget = 1_000_000
        fetch_budget_bytes = 2_000_000
        tags = ["paid", "jp"]
        credentials_env = "VENDOR"
        headers = { Accept = "text/plain" }
        headers_env = { Authorization = "TOKEN" }
        headers_file = { Cookie = "cookie.txt" }
        proxy = "pool"
        calls = 4
        call_interval = 2
        """,
    )
    assert own == OwnSource(
        name="my vendor",
        api="https://vendor.example/get?key=${KEY}",
        enabled=False,
        scheme=Scheme.SOCKS5,
        trust=Trust.PUBLIC,
        tier=3,
        interval=60.0,
        max_in_flight=5,
        min_interval=1.5,
        check_interval=600.0,
        byte_budget=1_000_000,
        fetch_budget_bytes=2_000_000,
        tags=("paid", "jp"),
        credentials_env="VENDOR",
        headers={"Accept": "text/plain"},
        headers_env={"Authorization": "TOKEN"},
        headers_file={"Cookie": str(tmp_path / "cookie.txt")},
        proxy="pool",
        calls=4,
        call_interval=2.0,
        base=str(tmp_path),
    )


def test_a_short_table_is_own_and_first(tmp_path: Path) -> None:
    first, second, third = tables(
        tmp_path,
        '[[source]]\nname = "a"\ninline = ["8.8.8.8:80"]\n[[source]]\nname = "b"\nfile = "lists/b.txt"\n'
        '[[source]]\nname = "c"\ninline = """\n8.8.8.8:80\n"""\n',
    )
    assert (first.trust, first.tier, first.inline) == (Trust.OWN, 0, ("8.8.8.8:80",))
    assert second.file == str(tmp_path / "lists" / "b.txt")
    assert third.inline == "8.8.8.8:80\n"


def test_tables_stand_beside_the_group_of_settings(tmp_path: Path) -> None:
    file = tmp_path / "shoal.toml"
    file.write_text('[sources]\ninterval = 7\ndisable = ["docip"]\n[[source]]\nname = "a"\nstdin = true\n')
    options = load_options({"sources.timeout": 9.0}, file=file).sources
    assert (options.interval, options.timeout, options.disable) == (7.0, 9.0, ("docip",))
    assert options.own[0].kinds == ("stdin",)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('inline = "x"\nteir = 1', "unknown setting teir; did you mean tier?"),
        ('inline = "x"\nbase = "/"', "unknown setting base"),
        ('inline = "x"\ntier = "first"', "sets tier, but expected int, got str"),
        ('inline = "x"\ntier = 100', "sets tier, but expected int <= 99"),
        ('inline = "x"\nscheme = "socks9"', "sets scheme, but invalid enum value 'socks9'"),
        ('inline = "x"\ninterval = 0', "sets interval, which must be above 0"),
        ('inline = "x"\nproxy = "pool"', "sets proxy, which only url and api take"),
        ('url = "https://x.example"\ncalls = 2', "sets calls, which only api takes"),
        ('url = "https://x.example"\nfile = "a"', "names url and file; keep one of them"),
        ("tier = 1", "says not where to read; set one of url, file, folder, stdin, inline, api, python"),
        ('inline = "x"\ncredentials_env = "A"\ncredentials_file = "b"', "credentials_env and credentials_file"),
    ],
)
def test_what_is_wrong_is_told_with_the_name_of_the_table(tmp_path: Path, body: str, says: str) -> None:
    (problem,) = problems(tmp_path, f'[[source]]\nname = "mine"\n{body}\n')
    assert problem.startswith("[[source]] 'mine' ") and says in problem


def test_every_table_tells_its_own_problems(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        '[[source]]\ninline = "x"\n[[source]]\nname = "a/b"\ninline = "x"\n[[source]]\nname = "c"\ninline = "x"\n'
        '[[source]]\nname = "c"\ninline = "y"\n[chek]\n',
    )
    assert len(told) == 4
    assert told[0] == "[[source]] number 1 has no name"
    assert "cannot be used" in told[1] and "another one has" in told[2] and "did you mean check?" in told[3]


def test_a_single_table_is_corrected(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[source]\nname = "a"\n')
    assert "write [[source]] above each source" in problem


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[[source]]\nname = "a"\ninline = "x"\ncredentials_env = ["geheim"]\n')
    assert "geheim" not in problem and "credentials_env" in problem


def test_lists_named_with_a_scheme_a_folder_or_a_function_pass(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "a.txt").touch()
    file = tmp_path / "shoal.toml"
    file.write_text(
        '[sources]\nurls = ["socks5=a.txt", "lists", "-", "python:mine:fetch", "http=https://x.example/a"]\n'
    )
    assert load_options({}, file=file).sources.urls == (
        f"socks5={tmp_path / 'a.txt'}",
        str(tmp_path / "lists"),
        "-",
        "python:mine:fetch",
        "http=https://x.example/a",
    )
    file.write_text('[sources]\nurls = ["socks5=b.txt"]\n')
    (problem,) = problems_of(file)
    assert f"names '{tmp_path / 'b.txt'}'" in problem


def problems_of(file: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_options({}, file=file)
    return caught.value.problems
