from pathlib import Path
from typing import Any

import pytest

from shoal.domain import Credentials, Scheme, Trust
from shoal.errors import ConfigError
from shoal.options import AdmissionOptions, OwnSource, SourceOptions
from shoal.ports import Source
from shoal.ports.store import SourceState
from shoal.sources.registry import open_named, open_sources


class NoResolver:
    async def resolve(self, host: str, port: int, trust: Trust) -> tuple[str, ...]:
        raise AssertionError("opening a source talks to nobody")


def opened(*own: OwnSource, environ: dict[str, str] | None = None, **options: Any) -> tuple[Source, ...]:
    admission = AdmissionOptions(deny=("denied.example",))
    return open_sources(SourceOptions(own=own, **options), admission, NoResolver(), environ=environ or {})


def problem(own: OwnSource, environ: dict[str, str] | None = None, **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        opened(own, environ=environ, **options)
    (only,) = caught.value.problems
    return only


async def fetched(*own: OwnSource, environ: dict[str, str] | None = None) -> Any:
    (source,) = opened(*own, environ=environ)
    return await source.fetch(SourceState(source.name))


async def test_inline_entries_get_scheme_credentials_and_tags() -> None:
    own = OwnSource(
        name="mine",
        inline=("8.8.8.8:80", "http://me:pw@8.8.4.4:3128"),
        scheme=Scheme.SOCKS5,
        credentials_env="VENDOR",
        tags=("paid",),
    )
    harvest = await fetched(own, environ={"VENDOR": "user:with:colons"})
    first, second = harvest.candidates
    assert (first.scheme, first.credentials) == (Scheme.SOCKS5, Credentials("user", "with:colons"))
    assert (second.scheme, second.credentials) == (Scheme.HTTP, Credentials("me", "pw"))
    assert harvest.tags == ("paid",) and harvest.wire_bytes == 0 and harvest.form == "text"


async def test_inline_may_be_one_text() -> None:
    assert len((await fetched(OwnSource(name="mine", inline="8.8.8.8:80\n8.8.4.4:80\n"))).candidates) == 2


async def test_credentials_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("user:geheim\n")
    own = OwnSource(name="mine", inline="8.8.8.8:80", credentials_file=str(tmp_path / "pw"))
    (candidate,) = (await fetched(own)).candidates
    assert candidate.credentials == Credentials("user", "geheim")


def test_each_kind_has_its_name_trust_interval_and_contact(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.touch()
    sources = opened(
        OwnSource(name="web", url="https://lists.example/a"),
        OwnSource(name="service", api="https://vendor.example/get?key=${KEY}", interval=60.0, trust=Trust.PUBLIC),
        OwnSource(name="file", file=str(file)),
        OwnSource(name="folder", folder=str(tmp_path)),
        OwnSource(name="in", stdin=True),
        OwnSource(name="text", inline="x"),
        OwnSource(name="code", python="mine:fetch"),
        environ={"KEY": "geheim"},
    )
    assert [source.name for source in sources] == ["web", "service", "file", "folder", "in", "text", "code"]
    assert [source.interval for source in sources] == [300.0, 60.0, 10.0, 10.0, 10.0, 3600.0, 300.0]
    assert [source.trust for source in sources].count(Trust.PUBLIC) == 1
    assert [source.contacts for source in sources] == [
        "lists.example",
        "vendor.example",
        str(file),
        str(tmp_path),
        "standard input",
        "the settings file",
        "python:mine:fetch",
    ]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"url": "http://10.0.0.1/"}, "add --allow 10.0.0.1/32"),
        ({"url": "https://denied.example/"}, "deny list"),
        ({"api": "https://x.example/?k=${NONE}"}, "needs the environment variable NONE, which is not set"),
        ({"file": "/no/such/file"}, "does not exist"),
        ({"folder": "/no/such/folder"}, "does not exist"),
        ({"python": "nofunction"}, "write python:module:function"),
        ({"python": "../evil:fetch"}, "write python:module:function"),
        ({"inline": "x", "credentials_env": "NONE"}, "needs the environment variable NONE"),
        ({"inline": "x", "credentials_env": "EMPTYUSER"}, "must hold user:password"),
        ({"inline": "x", "credentials_file": "/no/such/file"}, "cannot be read (No such file or directory)"),
        ({"url": "https://x.example", "headers": {"Host": "y"}}, "'Host', which cannot be set"),
        ({"url": "https://x.example", "headers": {"a b": "y"}}, "'a b', which cannot be set"),
        ({"url": "https://x.example", "headers": {"A": "y\r\nB: c"}}, "no line of plain ASCII"),
        ({"url": "https://x.example", "proxy": "x"}, "'pool' or a URL"),
        ({"url": "https://x.example", "proxy": "https://p.example:3128"}, "must speak http, socks4"),
        ({"url": "https://x.example", "proxy": "http://127.0.0.1:7890"}, "add --allow 127.0.0.0/8"),
        ({"url": "http://u:p@x.example", "proxy": "pool"}, "proxies of the pool would see its password"),
        ({"api": "https://x.example", "calls": 1000}, "1000 calls 1 s apart take 1000 s, but a run may take 150"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_with_the_sources_name(fields: dict[str, Any], says: str) -> None:
    told = problem(OwnSource(name="mine", **fields), environ={"EMPTYUSER": ":x"})
    assert told.startswith("source mine") and says in told


def test_no_problem_shows_a_secret() -> None:
    proxy = OwnSource(name="mine", url="https://x.example", proxy="http://me:geheim@x.example:99999")
    assert "geheim" not in problem(proxy)
    assert "geheim" not in problem(OwnSource(name="mine", url="http://me:geheim@10.0.0.1/?token=geheim"))


def test_every_problem_of_every_table_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        opened(OwnSource(name="a", python="x"), OwnSource(name="docip", inline="x"), enable=("nobody", "docip"))
    told = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 3
    assert "source a" in told and "source docip: a list of the catalogue" in told and "'nobody'" in told


def test_a_table_replaces_the_catalogue_and_can_be_switched_off() -> None:
    mine, other = OwnSource(name="mine", inline="x"), OwnSource(name="other", inline="x", enabled=False)
    assert [source.name for source in opened(mine, other)] == ["mine"]
    assert [source.name for source in opened(mine, other, enable=("other",))] == ["mine", "other"]
    assert opened(mine, disable=("mine",)) == ()


def test_rows_are_chosen_by_name_alias_and_pattern() -> None:
    assert [source.name for source in opened(enable=("DaiLi66Fetcher", "docip"))] == ["daili66", "docip"]
    assert [source.name for source in opened(enable=("spys-*",), disable=("spys-http",))] == ["spys-socks5"]
    everything, without = opened(), opened(disable=("geonode",))
    assert len(everything) - len(without) == 1
    assert len(opened(enable=("clarketm",), catalog=True)) - len(everything) == 1
    mine = OwnSource(name="mine", inline="x")
    assert [source.name for source in opened(mine, enable=("docip",))] == ["mine", "docip"]


def test_choosing_rows_without_the_catalogue_is_a_contradiction() -> None:
    with pytest.raises(ConfigError, match=r"sources\.catalog is false"):
        opened(enable=("docip",), catalog=False)


def named(text: str, *own: OwnSource) -> list[str]:
    sources = open_named(text, SourceOptions(own=own, disable=("docip",)), AdmissionOptions(), NoResolver(), environ={})
    return [source.name for source in sources]


def test_a_source_to_try_is_found_by_name_alias_or_place_switched_off_or_not(tmp_path: Path) -> None:
    assert named("docip") == ["docip"] and named("clarketm") == ["clarketm"]
    assert named("Ip3366Fetcher") == ["ip3366-elite", "ip3366-plain"]
    assert named("mine", OwnSource(name="mine", inline="x", enabled=False)) == ["mine"]
    assert named("socks5=https://lists.example/a") == ["https://lists.example/a"]
    assert named(str(tmp_path)) == [str(tmp_path)] and named("-") == ["stdin"]
    assert named("python:mine:fetch") == ["python:mine:fetch"]
    with pytest.raises(ConfigError, match="did you mean geonode"):
        named("geonod")
