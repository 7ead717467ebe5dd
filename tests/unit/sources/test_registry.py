from pathlib import Path
from typing import Any

import pytest

from shoal.domain import Scheme, Trust
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions, SourceOptions
from shoal.ports import Source
from shoal.sources.catalog import load_catalog
from shoal.sources.registry import open_sources


class NoResolver:
    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        raise AssertionError("opening a source talks to nobody")


def opened(*urls: str, catalog: bool | None = None, **admission: Any) -> tuple[Source, ...]:
    options = SourceOptions(urls=urls, catalog=catalog, interval=120)
    return open_sources(options, AdmissionOptions(**admission), NoResolver())


def problems(*urls: str, **admission: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        opened(*urls, **admission)
    return caught.value.problems


def test_without_own_lists_the_catalogue_is_read_with_public_trust() -> None:
    sources = opened()
    assert {source.name for source in sources} == {row.name for row in load_catalog() if row.enabled}
    assert {source.trust for source in sources} == {Trust.PUBLIC}
    geonode = next(source for source in sources if source.name == "geonode")
    assert geonode.contacts == "proxylist.geonode.com" and geonode.interval == 900


def test_own_lists_replace_the_catalogue_unless_both_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.touch()
    own = opened("https://lists.example/a.txt", str(file), "-")
    assert [source.name for source in own] == ["https://lists.example/a.txt", str(file), "stdin"]
    assert [source.contacts for source in own] == ["lists.example", str(file), "standard input"]
    assert {(source.trust, source.interval) for source in own} == {(Trust.OWN, 120)}
    assert len(opened("-", catalog=True)) > 40
    assert opened(catalog=False) == ()


def test_a_scheme_can_be_claimed_for_a_list() -> None:
    sources = opened("socks5=https://lists.example/a", "HTTP=-", "https://lists.example/b?http=1")
    assert [source.scheme for source in sources] == [Scheme.SOCKS5, Scheme.HTTP, None]
    assert sources[0].name == "https://lists.example/a"


def test_names_show_neither_password_nor_token_and_stay_unique() -> None:
    spec = "https://me:geheim@lists.example/get?api_key=geheim{}&protocol=http&sessionToken=geheim"
    names = [source.name for source in opened(spec.format(1), spec.format(2))]
    assert names[0] == "https://lists.example/get?api_key=***&protocol=http&sessionToken=***"
    assert names[1].startswith(names[0] + "#") and len(set(names)) == 2
    assert "geheim" not in "".join(names)
    assert names == [source.name for source in opened(spec.format(1), spec.format(2))]


def test_the_same_list_twice_is_one_source() -> None:
    assert len(opened("https://lists.example/a", "https://lists.example/a")) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:8000/list", "add --allow 127.0.0.0/8 if it is yours"),
        ("http://10.1.2.3/list", "add --allow 10.1.2.3/32 if it is yours"),
        ("http://[fd00::1]/list", "add --allow fd00::1/128 if it is yours"),
        ("http://localhost:8000/list", "add --allow 127.0.0.0/8"),
        ("http://169.254.169.254/list", "link-local address"),
    ],
)
def test_a_list_inside_needs_to_be_allowed(url: str, says: str) -> None:
    (problem,) = problems(url)
    assert says in problem
    assert len(opened(url, allow=("0.0.0.0/0", "::/0"))) == 1


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("no/such/file.txt", "no/such/file.txt does not exist"),
        ("socks5=no/such/file.txt", "no/such/file.txt does not exist"),
        ("python:nothing", "write python:module:function"),
        ("", "empty"),
        ("ftp://lists.example/a", "sources are http and https URLs or files"),
        ("http://999.1.1.1/", "does not name a host"),
        ("http:///path", "does not name a host"),
        ("http://[zz/", "cannot be understood"),
        ("http://lists.example:99999/", "cannot be understood"),
    ],
)
def test_what_cannot_be_a_source_is_one_sentence(spec: str, says: str) -> None:
    (problem,) = problems(spec)
    assert says in problem and problem.endswith(".")


def test_every_problem_is_told_at_once_and_none_shows_a_password() -> None:
    told = problems("missing.txt", "ftp://me:geheim@x.example", "http://bad.example/", deny=("bad.example",))
    assert len(told) == 3 and "deny list" in told[2]
    assert "geheim" not in "".join(told)
