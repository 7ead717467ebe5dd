"""What a reader can do from the page: export, save, import, link, token, source."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from shoal.testing.fake_service import FakeService, typical_records

pytestmark = [pytest.mark.xdist_group("web"), pytest.mark.timeout(300)]

MISSING = ("404 (Not Found)",)


@pytest.fixture
def service() -> FakeService:
    return FakeService(*typical_records())


@pytest.fixture
def page(serve: Callable[..., str], visit: Callable[..., Any], service: FakeService) -> Page:
    seen = visit(1280, 900, permissions=["clipboard-read", "clipboard-write"])
    seen.expected = MISSING
    return seen.open(serve(service), "proxies")


def clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def test_the_filter_that_is_shown_is_exported(page: Page) -> None:
    page.goto(page.url.split("#")[0] + "#/proxies?scheme=socks5")
    expect(page.locator(".row-link")).to_have_count(1)
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Form").select_option("plain")
    with page.expect_download() as started:
        dialog.get_by_role("button", name="Download").click()
    assert started.value.suggested_filename == "shoal-proxies.txt"
    assert Path(started.value.path()).read_text() == "127.0.0.3:8080\n"
    dialog.get_by_role("button", name="Copy the list").click()
    expect(page.locator(".toast").last).to_be_visible()
    assert clipboard(page) == "127.0.0.3:8080\n"


def test_a_query_is_saved_as_a_link_that_answers(page: Page) -> None:
    page.goto(page.url.split("#")[0] + "#/proxies?scheme=socks5")
    expect(page.locator(".row-link")).to_have_count(1)
    page.get_by_role("button", name="Save as link").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make the link").click()
    url = dialog.locator(".copy-line code").inner_text()
    assert re.search(r"/s/[A-Za-z0-9_-]{8,}$", url)
    assert page.evaluate("(url) => fetch(url).then((answer) => answer.text())", url) == "socks5://127.0.0.3:8080\n"


def test_the_menu_of_words_works_by_mouse_and_keyboard(page: Page) -> None:
    page.get_by_role("button", name="Scheme any").click()
    page.get_by_role("checkbox", name="socks5").check()
    expect(page).to_have_url(re.compile("scheme=socks5"))
    expect(page.locator(".row-link")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".popover")).to_have_count(0)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".row-link")).to_have_count(3)
    expect(page).to_have_url(re.compile("#/proxies$"))


def test_a_list_is_imported(page: Page, service: FakeService) -> None:
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("List", exact=True).fill("127.9.9.9:3128\nsocks5://user:word@127.9.9.8:1080\n")
    dialog.get_by_role("button", name="Import").click()
    expect(page.locator(".toast")).to_contain_text("2 new")
    assert [str(one.endpoint) for one in service.imported] == ["127.9.9.9:3128", "127.9.9.8:1080"]


def test_links_are_made_counted_and_deleted(page: Page) -> None:
    base = page.url.split("#")[0]
    page.goto(f"{base}#/links")
    page.get_by_label("Long address").fill("www.example.com/p/233.html")
    page.get_by_role("button", name="Shorten").click()
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    short = row.locator("a").inner_text()
    assert clipboard(page) == short
    expect(row).to_contain_text("https://www.example.com/p/233.html")
    page.get_by_role("button", name=re.compile("^Delete ")).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".empty")).to_contain_text("There is no link")


def test_a_token_is_shown_once_and_revoked(page: Page) -> None:
    page.goto(page.url.split("#")[0] + "#/tokens")
    page.get_by_role("button", name="Make a token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("scraper")
    dialog.get_by_role("button", name="Make a token").click()
    text = dialog.locator(".copy-line code").inner_text()
    assert len(text) > 20
    dialog.get_by_role("button", name="Close").last.click()
    expect(page.locator("tbody tr")).to_contain_text("scraper")
    assert text not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator(".empty")).to_contain_text("There is no token")


def test_settings_are_found(page: Page) -> None:
    page.goto(page.url.split("#")[0] + "#/settings")
    expect(page.locator(".setting").first).to_be_visible()
    page.get_by_label("Search").fill("gateway.listen")
    expect(page.locator(".setting")).to_have_count(1)
    expect(page.locator(".setting")).to_contain_text("SHOAL_GATEWAY_LISTEN")
