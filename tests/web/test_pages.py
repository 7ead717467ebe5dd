"""Every page, in both languages and themes, on a phone and a wide screen, over a real pool."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.xdist_group("web"), pytest.mark.timeout(300)]

TITLES = {
    "overview": ("Overview", "概览"),
    "proxies": ("Proxies", "代理"),
    "sources": ("Sources", "来源"),
    "targets": ("Targets", "目标站点"),
    "gateway": ("Gateway", "网关"),
    "links": ("Links", "短链接"),
    "settings": ("Settings", "设置"),
    "tokens": ("Tokens", "令牌"),
}
SCREENS = {"phone": (360, 740), "wide": (2560, 1300)}
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()


def settled(page: Page) -> None:
    """Everything that was asked for has come."""
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def works(pool: Any, page: Page) -> None:
    expect(page.locator(".tile.accent .figure")).to_have_text(re.compile("[1-9]"), timeout=60_000)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("lang", "dark"), [("en-US", False), ("zh-CN", True)], ids=["english-light", "chinese-dark"])
def test_every_page_fits_the_screen(pool: Any, visit: Callable[..., Any], screen: str, lang: str, dark: bool) -> None:
    seen = visit(*SCREENS[screen], lang=lang, dark=dark)
    page = seen.open(pool.base)
    works(pool, page)
    for name, titles in TITLES.items():
        page.goto(f"{pool.base}/#/{name}")
        expect(page.locator("h1")).to_have_text(titles[lang == "zh-CN"])
        settled(page)
        assert page.title() == f"{titles[lang == 'zh-CN']} · Shoal"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} px wider than a {screen}"
        # A key that no dictionary has would show itself. The names of settings look like keys.
        shown = "" if name == "settings" else page.inner_text("body")
        assert re.findall(r"\b(?:page|col|tile|proxy|source|gateway|links|app|chart)\.[a-z]+\b", shown) == [], name


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_shuts_anybody_out(pool: Any, visit: Callable[..., Any], dark: bool) -> None:
    """axe-core finds nothing serious, in contrast neither."""
    seen = visit(1280, 900, dark=dark, bypass_csp=True)
    page = seen.open(pool.base)
    works(pool, page)
    page.evaluate(AXE)
    found = []
    for name in [*TITLES, "proxies?honesty=any", "login"]:
        page.goto(f"{pool.base}/#/{name}")
        settled(page)
        found += violations(page, name)
    assert found == []


def test_no_dialog_shuts_anybody_out(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit(1280, 900, bypass_csp=True)
    page = seen.open(pool.base)
    works(pool, page)
    page.evaluate(AXE)
    found = []
    for name, button in (
        ("proxies", ".row-link"),
        ("proxies", "text=Import"),
        ("proxies", "text=Export"),
        ("proxies", "text=Save as link"),
        ("sources", "text=Add a source"),
        ("targets", "text=Add a target"),
        ("tokens", "text=Make a token"),
    ):
        page.goto(f"{pool.base}/#/{name}")
        page.locator(f"main >> {button}").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        settled(page)
        found += violations(page, button)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    assert found == []


def violations(page: Page, where: str) -> list[str]:
    told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{where}: {one['id']} ({one['impact']}) {one['nodes'][0]['html'][:200]}"
        for one in told["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_the_figures_move_by_themselves(pool: Any, visit: Callable[..., Any]) -> None:
    page = visit().open(pool.base)
    works(pool, page)
    expect(page.locator(".state.live")).to_be_visible()
    known = page.locator(".tile", has_text="Known").locator(".figure")
    before = known.inner_text()
    page.evaluate("fetch('/v1/proxies', {method: 'POST', body: '127.250.250.250:3128'})")
    expect(page.locator(".news")).to_contain_text("Imported: 1 new")
    expect(known).not_to_have_text(before)


def test_a_country_leads_to_its_proxies(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base, "proxies?country=US,DE")
    expect(page.locator("input[name=country]")).to_have_value("US,DE")
    page.locator("input[name=country]").fill("")
    expect(page).to_have_url(re.compile(r"#/proxies$"))


def test_one_proxy_has_a_drawer_that_the_keyboard_opens_and_closes(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base)
    works(pool, page)
    page.goto(f"{pool.base}/#/proxies")
    first = page.locator(".row-link").first
    name = first.inner_text()
    first.focus()
    page.keyboard.press("Enter")
    drawer = page.locator("dialog.drawer")
    expect(drawer.locator("h2")).to_have_text(name)
    expect(page).to_have_url(re.compile(r"#/proxies/[0-9a-f]{16}$"))
    expect(drawer.locator(".path")).not_to_have_count(0)
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page).to_have_url(re.compile(r"#/proxies$"))


def test_a_ban_keeps_it_out_until_it_is_lifted(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base)
    works(pool, page)
    page.goto(f"{pool.base}/#/proxies")
    page.locator(".row-link").first.click()
    drawer = page.locator("dialog.drawer")
    drawer.get_by_role("button", name="Ban").click()
    expect(drawer.locator(".notice.warn")).to_be_visible()
    assert len(pool.service.banned()) == 1
    drawer.get_by_role("button", name="Let in again").click()
    expect(drawer.locator(".notice.warn")).to_have_count(0)
    assert pool.service.banned() == []


def test_language_and_theme_are_remembered(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base, "links")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("h1")).to_have_text("短链接")
    page.get_by_role("button", name="深色").click()
    page.reload()
    expect(page.locator("h1")).to_have_text("短链接")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.lang") == "zh-CN"


def test_the_first_view_is_light(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base)
    expect(page.locator(".tile.accent")).to_be_visible()
    sizes = page.evaluate("performance.getEntries().filter((e) => e.decodedBodySize).map((e) => e.decodedBodySize)")
    assert 50_000 < sum(sizes) < 300_000
    sent = page.evaluate("performance.getEntries().filter((e) => e.transferSize).map((e) => e.transferSize)")
    assert sum(sent) < 150_000


def test_lines_to_copy_have_the_address_filled_in(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base, "gateway")
    for client in ("curl", "requests", "httpx2", "Scrapy", "Playwright", "Shell"):
        page.get_by_role("button", name=client, exact=True).click()
        expect(page.locator("pre.code")).to_contain_text(pool.gateway.removeprefix("http://"))


def test_a_source_is_tried_before_it_is_added(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base, "sources")
    page.get_by_role("button", name="Add a source").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Address", exact=True).fill(pool.lab.lists[0])
    dialog.get_by_role("textbox", name="Name").fill("tried list")
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.locator(".preview-list li")).to_have_count(10)
    dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("button", name="tried list")
    expect(row).to_be_visible()
    row.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator("dialog.narrow").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_a_target_is_tried_before_it_is_added(pool: Any, visit: Callable[..., Any]) -> None:
    seen = visit()
    page = seen.open(pool.base)
    works(pool, page)
    page.goto(f"{pool.base}/#/targets")
    page.get_by_role("button", name="Add a target").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Address", exact=True).fill(pool.lab.judges[0].split("#")[0])
    dialog.get_by_role("button", name="Test").click()
    expect(dialog.locator(".preview li").first).to_be_visible()
    expect(dialog.locator(".preview")).to_contain_text(re.compile("[0-9] of [1-9] proxies reach it"))
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".empty")).to_contain_text("There is no target")
