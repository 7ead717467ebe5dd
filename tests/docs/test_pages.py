"""What the pages show works: links lead somewhere, commands parse, requests and settings exist, Chinese keeps step."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import rich_click as click

from shoal.api import build_app
from shoal.cli.main import COMMANDS, shoal
from shoal.config import SETTINGS
from shoal.options import ApiOptions
from shoal.policy.query_text import parse_query
from shoal.testing.fake_service import FakeService

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
ALL = [*PAGES, ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md"]
IDS = [str(page.relative_to(ROOT)) for page in ALL]


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """As GitHub and Zensical make them of headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page.read_text()), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.add(slug)
    return found


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_links_and_pictures_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), f"links to {target}"
        assert not anchor or anchor in anchors(file), f"{target}: no such heading among {sorted(anchors(file))}"


def test_every_page_can_be_found_from_the_first_and_in_the_site() -> None:
    index = (DOCS / "index.md").read_text()
    nav = str(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"])
    for page in PAGES:
        name = page.relative_to(DOCS).as_posix()
        assert name in nav, f"{name} is not in zensical.toml"
        assert name == "index.md" or f"({name})" in index, f"{name} is not in docs/index.md"


def shell_lines(text: str) -> list[str]:
    """What a page shows to type: in sh fences, in indented lines, in inline code that begins with shoal."""
    found: list[str] = []
    for fence in re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.M | re.S):
        found += re.sub(r"\\\n\s*", " ", fence).splitlines()
    bare = prose(text)
    found += [line.strip() for line in bare.splitlines() if line.startswith("    ")]
    found += re.findall(r"`([^`]+)`", bare)
    return [line.removeprefix("$ ") for line in found]


def commands(text: str) -> list[list[str]]:
    found = []
    for line in shell_lines(text):
        line = re.sub(r"\s{2,}#.*|\s# .*", "", line)
        for part in re.split(r"\s(?:\||>|&&|;)\s", line):
            part = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", part.strip())
            inner = re.search(r"\$\((shoal [^)]*)\)", part)
            part = inner[1] if inner else part
            words = shlex.split(part, comments=False) if part.startswith(("shoal ", ".venv/bin/shoal ")) else []
            if len(words) > 1 and "…" not in part:
                found.append(words[1:])
    return found


def parse(words: list[str]) -> None:
    """As the command line would, without running anything. Raises click's errors."""
    context = click.Context(shoal, info_name="shoal")
    command: click.Command = shoal
    rest = list(words)
    while isinstance(command, click.Group) and rest:
        if rest[0] in ("-h", "--help", "--version"):
            return
        name, found = rest[0], command.get_command(context, rest[0])
        assert found is not None, f"there is no command {name}"
        command, rest = found, rest[1:]
    if not isinstance(command, click.Group) and any(word.startswith("-") for word in rest):
        with contextlib.redirect_stdout(io.StringIO()):
            command.make_context("shoal", rest, parent=context, resilient_parsing=_is_named_only(rest))


def _is_named_only(rest: list[str]) -> bool:
    """Prose names flags without all that a command needs."""
    return all(word.startswith("-") for word in rest)


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_commands_that_a_page_shows_are_understood(page: Path) -> None:
    for words in commands(page.read_text()):
        if any(word.startswith("[") for word in words):  # how a command is called in general
            continue
        try:
            parse(words)
        except click.UsageError as error:
            pytest.fail(f"shoal {shlex.join(words)}: {error.format_message()}")


def test_the_reader_of_commands_finds_them_and_their_faults() -> None:
    shown = ("A=1 shoal up --api 127.0.0.1:1 \\", "  --source x   # remark", 'curl -x "$(shoal get --json)" y | cat')
    text = "\n".join(["```sh", *shown, "```", "`shoal top`"])
    assert commands(text) == [["up", "--api", "127.0.0.1:1", "--source", "x"], ["get", "--json"], ["top"]]
    with pytest.raises(click.UsageError):
        parse(["up", "--no-such-flag", "x"])
    with pytest.raises(AssertionError):
        parse(["dance"])


ROUTES = [
    re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)).rstrip("/") + "/?")
    for path in build_app(FakeService(), ApiOptions(), version="1").openapi["paths"]
] + [re.compile(path) for path in (r"/openapi\.json", r"/check(/.*)?", "/metrics", "/assets/.*")]


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_addresses_of_the_api_that_a_page_shows_exist(page: Path) -> None:
    text = page.read_text()
    urls = re.findall(r"https?://(?::\w+@)?(?:127\.0\.0\.1|pool|localhost|host)[\w.]*:5010(/[^\s'\"`)<>…]*)", text)
    urls += re.findall(r"`(?:GET|POST|PATCH|DELETE|PUT) (/[^\s`]*)`", text)
    urls = [url for url in urls if not url.startswith(("/s/", "/api/scraper/"))]
    urls += re.findall(r"`(/(?:v1|get|pop|all|count|delete|refresh)/[^\s`]*)`", text)
    for url in urls:
        parts = urlsplit(url.rstrip(".,;"))
        if parts.path.endswith("…") or parts.path == "/s/":
            continue
        assert any(route.fullmatch(parts.path) for route in ROUTES), url
        if parts.path in ("/v1/proxies", "/v1/proxies/pick") and parts.query and "tag=mine" not in parts.query:
            pairs = [tuple(pair.split("=", 1)) for pair in parts.query.split("&")]
            mine = [(name, value) for name, value in pairs if name not in ("format", "credentials", "n", "cursor")]
            parse_query(mine)


@pytest.mark.parametrize("page", ALL, ids=IDS)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    known = {setting.key for setting in SETTINGS} | {setting.environment for setting in SETTINGS}
    known |= {"SHOAL_CONFIG", "SHOAL_LOG", "SHOAL_URL", "SHOAL_TOKEN", "SHOAL_GATEWAY", "SHOAL_HEALTH_FILE"}
    known |= {f"{name}_FILE" for name in known}
    groups = {setting.key.partition(".")[0] for setting in SETTINGS}
    text = page.read_text()
    for name in re.findall(r"\bSHOAL_[A-Z][A-Z_]*[A-Z]\b", text):
        assert name in known or name.startswith("SHOAL_CLIENT"), name
    for key in re.findall(r"`([a-z]+\.[a-z_]+)`", text):
        if key.partition(".")[0] in groups and not key.endswith((".md", ".toml", ".txt", ".py")):
            stages = {"connect", "handshake", "tunnel", "receive", "content", "resolve", "send"}
            assert key in known or key.partition(".")[0] in stages, key


@pytest.mark.parametrize("name", ["quickstart.md", "troubleshooting.md"])
def test_the_chinese_page_says_what_the_english_does(name: str) -> None:
    english, chinese = (DOCS / name).read_text(), (DOCS / "zh" / name).read_text()

    def heads(text: str) -> list[str]:
        return re.findall(r"^(#+) ", prose(text), re.M)

    def blocks(text: str) -> list[str]:
        return re.findall(r"^```.*?^```$", text, re.M | re.S)

    def named(text: str) -> set[str]:
        return set(re.findall(r"`([^`]+)`", prose(text))) - {"shoal"}

    def targets(text: str) -> set[str]:
        return {link.split("/")[-1] for link in re.findall(r"\]\(([^)]+)\)", prose(text))} - {name}

    assert heads(english) == heads(chinese)
    assert blocks(english) == blocks(chinese)
    assert named(english) == named(chinese)
    assert targets(english) == targets(chinese)
    assert english.count("\n- ") == chinese.count("\n- ")
    assert len(re.findall("[\u4e00-\u9fff]", chinese)) > 400, "it is not translated"


def test_every_command_of_the_program_is_shown_somewhere_beside_its_own_table() -> None:
    told = "\n".join(page.read_text() for page in ALL if page.name != "cli.md")
    assert [name for name in COMMANDS if f"shoal {name}" not in told] == []
