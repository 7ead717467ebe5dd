"""What lists, proxies and judges say is shown as text; nothing, very much and very long things are shown well."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect
from tests.web.conftest import UNHURRIED, served

from shoal.api import build_app, serve_api
from shoal.domain import (
    Capability,
    CheckResult,
    Credentials,
    Endpoint,
    Failure,
    Kind,
    Reason,
    Record,
    Scheme,
    Stage,
    Trust,
    record_key,
)
from shoal.domain.stats import JudgeStats, Stats
from shoal.engine.past import PastResult
from shoal.engine.source_report import SourceReport
from shoal.net.clock import SystemClock
from shoal.options import ApiOptions
from shoal.stores.memory import MemoryStore
from shoal.testing.builders import SECRET, make_path, make_record
from shoal.testing.fake_service import NOW, FakeService, typical_records, working_path
from shoal.testing.fakes import FakeProber, FakeVantage
from shoal.testing.simulation import Engine

pytestmark = [pytest.mark.xdist_group("web"), pytest.mark.timeout(300)]

EVIL = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>&lt;b&gt;{{7*7}}${7*7}"
PAGES = ("overview", "proxies?honesty=any", "sources", "targets", "gateway", "links", "settings", "tokens")
LONG = "user-" + "a-very-long-session-name-" * 12
MISSING = ("404 (Not Found)",)


class Talkative(FakeService):
    """Says something hostile wherever foreign text is shown."""

    def stats(self) -> Stats:
        return Stats(
            known=2, verified=2, working=2, started_at=NOW - 4000.0, problems=(EVIL,), store_error=EVIL,
            by_scheme={EVIL: 1}, by_anonymity={EVIL: 1}, by_honesty={EVIL: 1}, by_source={EVIL: 1},
            by_country={EVIL: 1, "DE": 1}, failures={EVIL: 3, "connect.timeout": 2}, vantage_healthy=False,
            judges=(JudgeStats(EVIL, "own", True, False, EVIL),), sources_total=1,
        )  # fmt: skip


def evil_record() -> Record:
    failure = Failure(Stage.CONTENT, Reason.MISMATCH, EVIL)
    path = replace(working_path(Scheme.HTTP, Capability.FORWARD), exit=EVIL, country="DE", failure=failure)
    record = make_record(1, paths=(path,), sources=(EVIL,), tags=(EVIL,), credentials=Credentials(EVIL, "secret"))
    return replace(record, failure=failure, last_check=NOW)


def report(name: str, **more: Any) -> SourceReport:
    values: dict[str, Any] = {
        "name": name, "trust": Trust.PUBLIC, "contacts": name, "interval": 900.0, "scheme": None, "paused": False,
        "reachable": True, "last_run": NOW - 60.0, "last_success": NOW - 60.0, "next_run": NOW + 60.0, "failures": 0,
        "error": None, "found": 10, "new": 3, "refused": {}, "worked": 2, "working": 2, "only": 1, "lag": 40.0,
    }  # fmt: skip
    return SourceReport(**{**values, **more})


def opened(seen: Any, base: str, name: str) -> Page:
    page = seen.context.pages[0] if seen.context.pages else seen.open(base, name)
    page.goto(f"{base}/#/{name}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    return page


def test_what_strangers_say_is_text(serve: Callable[..., str], visit: Callable[..., Any]) -> None:
    service = Talkative(evil_record())
    service.reports = [report(EVIL, error=EVIL, failures=3, refused={EVIL: 2}, found=0)]
    service.pasts[service.records[0].key] = [PastResult(NOW, Scheme.HTTP, Kind.PROBE, 0.2)]
    base = serve(service)
    seen = visit()
    seen.expected = MISSING
    shown = ""
    for name in (*PAGES, f"proxies/{service.records[0].id}"):
        page = opened(seen, base, name)
        if name == "overview":
            service.events.publish("source", {"name": EVIL, "found": 1, "new": 1, "error": EVIL})
            service.events.publish(EVIL, {"name": EVIL})
            expect(page.locator(".news li")).not_to_have_count(0)
        if "/" in name:
            expect(page.locator("dialog.drawer .path")).to_be_visible()
        if name == "sources":
            page.locator(".row-link").first.click()
            expect(page.locator("dialog.drawer")).to_be_visible()
        shown += page.inner_text("body")
        assert page.locator("img, script:not([src]):not([type=importmap]), iframe, object").count() == 0, name
        assert page.title().endswith("· Shoal"), name
    assert shown.count("<script>document.title='owned'</script>") >= 5
    assert seen.complaints == []


def test_an_address_that_was_made_to_harm_does_nothing(serve: Callable[..., str], visit: Callable[..., Any]) -> None:
    base = serve(FakeService(*typical_records()))
    seen = visit()
    seen.expected = (*MISSING, "400 (Bad Request)")
    for name in (
        "proxies?country=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&order=nonsense",
        "proxies/../../v1/tokens", "proxies/%22%3E%3Cscript%3E", "nothing/at/all?x=1", "%E0%A4%A",
        "javascript:alert(1)",
    ):  # fmt: skip
        page = opened(seen, base, name)
        assert page.title().endswith("· Shoal")


def test_an_empty_pool_says_what_to_do(serve: Callable[..., str], visit: Callable[..., Any]) -> None:
    base = serve()
    seen = visit(360, 740)
    seen.expected = MISSING
    for name in PAGES:
        page = opened(seen, base, name)
        if name not in ("settings", "overview"):
            expect(page.locator("main")).to_contain_text(
                ("No ", "There is no", "Nobody", "curl")[0] if "?" in name else ""
            )
        assert "NaN" not in page.inner_text("main") and "undefined" not in page.inner_text("main"), name
    page = opened(seen, base, "proxies")
    expect(page.locator(".empty")).to_contain_text("No proxy works yet")
    page = opened(seen, base, "proxies?country=XX")
    expect(page.locator(".empty")).to_contain_text("No proxy fits these filters now")


def test_long_values_stay_in_their_place(serve: Callable[..., str], visit: Callable[..., Any]) -> None:
    endpoint = Endpoint("2001:db8:1234:5678:9abc:def0:1234:5678", 65535)
    credentials = Credentials(LONG, "secret")
    key = record_key(endpoint, credentials, SECRET)
    path = replace(
        working_path(Scheme.SOCKS5, *Capability),
        exit="2001:db8:1234:5678:9abc:def0:1234:5678",
        country="GB",
        asn=4294967295,
    )
    record = replace(
        make_record(1, paths=(path,), sources=("https://lists.example/" + "x" * 180,), tags=("t" * 120,)),
        key=key, endpoint=endpoint, credentials=credentials,
    )  # fmt: skip
    service = FakeService(record, *typical_records())
    service.reports = [report("https://lists.example/" + "y" * 180, error="z" * 300, failures=12345)]
    base = serve(service)
    for width in (360, 820, 1280):
        seen = visit(width, 800)
        seen.expected = MISSING
        for name in ("overview", "proxies", "sources", f"proxies/{record.id}"):
            page = opened(seen, base, name)
            boxes = "[document.documentElement, ...document.querySelectorAll('.dialog-body, .card:not(.flush)')]"
            wide = page.evaluate(f"Math.max(...{boxes}.map((box) => box.scrollWidth - box.clientWidth))")
            assert wide <= 1, f"{name} at {width}"


def test_a_token_opens_the_page_for_this_tab_or_for_good(serve: Callable[..., str], visit: Callable[..., Any]) -> None:
    base = serve(FakeService(*typical_records()), token="a-token-for-tests")
    seen = visit()
    seen.expected = (*MISSING, "401 (Unauthorized)")
    page = seen.open(base, "proxies")
    expect(page.locator("h1")).to_have_text("Sign in")
    assert "127.0.0" not in page.inner_text("main")
    field = page.get_by_label("Token", exact=True)
    field.fill("wrong")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not a token")
    field.fill("a-token-for-tests")
    field.press("Enter")
    expect(page.locator("h1")).to_have_text("Proxies")
    expect(page.locator(".row-link")).not_to_have_count(0)
    expect(page.locator(".state.live")).to_be_visible()
    kept = "[sessionStorage.getItem('shoal.token'), localStorage.getItem('shoal.token')]"
    assert page.evaluate(kept) == ["a-token-for-tests", None]
    other = seen.open(base)
    expect(other.locator("h1")).to_have_text("Sign in")
    other.get_by_label("Token", exact=True).fill("a-token-for-tests")
    other.get_by_label("Remember").check()
    other.get_by_role("button", name="Sign in").click()
    expect(other.locator(".tile.accent")).to_be_visible()
    assert other.evaluate(kept)[1] == "a-token-for-tests"
    other.get_by_role("button", name="Forget the token").click()
    expect(other.locator("h1")).to_have_text("Sign in")
    assert other.evaluate(kept) == [None, None]


def test_a_server_that_is_gone_is_told_and_found_again(loop: Any, visit: Callable[..., Any]) -> None:
    service = FakeService(*typical_records())
    seen = visit()
    # One that stops answers 503 to what is under way.
    seen.expected = ("ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "503 (Service Unavailable)")
    with loop.held(served(service)) as base:
        page = seen.open(base)
        expect(page.locator(".state.live")).to_be_visible()
    expect(page.locator(".state.offline")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The server does not answer")
    expect(page.locator(".tile.accent .figure")).to_be_visible()
    with loop.held(served(service, int(base.rpartition(":")[2]))):
        expect(page.locator(".state.live")).to_be_visible()
        expect(page.locator("main")).not_to_contain_text("The server does not answer")
        seen.context.close()


def test_what_a_token_may_not_is_said_and_not_shown(
    serve: Callable[..., str], visit: Callable[..., Any], loop: Any
) -> None:
    service = FakeService(*typical_records())
    base = serve(service, token="a-token-for-tests")
    seen = visit()
    seen.expected = (*MISSING, "401 (Unauthorized)", "403 (Forbidden)")
    page = seen.open(base)
    made = page.evaluate(
        "fetch('/v1/tokens', {method: 'POST', headers: {Authorization: 'Bearer a-token-for-tests'},"
        " body: JSON.stringify({name: 'reader', scope: 'read'})}).then((answer) => answer.json())"
    )
    page.get_by_label("Token", exact=True).fill(made["token"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".tile.accent")).to_be_visible()
    for name in ("settings", "tokens"):
        page.goto(f"{base}/#/{name}")
        expect(page.locator(".notice")).to_contain_text("does not allow")


async def no_check(record: Record) -> CheckResult:
    raise AssertionError("nothing is checked here")


@contextlib.asynccontextmanager
async def full_pool(size: int) -> AsyncIterator[str]:
    """The real engine over so many live proxies, made rather than checked."""
    clock = SystemClock()
    engine = Engine(store=MemoryStore(), prober=FakeProber(no_check), vantage=FakeVantage(), clock=clock, rng=Random(1))
    can = frozenset({Capability.FORWARD, Capability.TUNNEL})
    countries = ("US", "DE", "SG", "BR", "CN")
    for number in range(1, size + 1):
        path = make_path(
            Scheme.HTTP, last_ok=clock.now() - number % 100, capabilities=can, latency=0.1 + number % 50 / 50
        )
        path = replace(path, country=countries[number % 5])
        record = make_record(number, paths=(path,), checks=1, first_seen=clock.now() - number, last_seen=clock.now())
        engine.pool.apply(replace(record, next_check=clock.now() + 1e6), clock.now())
        if number % 2000 == 0:
            await asyncio.sleep(0)
    await engine.service.update_counts()
    app = build_app(engine.service, ApiOptions(), version="1")
    handle = await serve_api(app, "127.0.0.1", 0, max_lag=UNHURRIED)
    try:
        yield f"http://127.0.0.1:{handle.port}"
    finally:
        await handle.close()


def test_a_hundred_thousand_proxies_are_paged_and_counted(loop: Any, visit: Callable[..., Any]) -> None:
    size = 100_000
    with loop.held(full_pool(size)) as base:
        seen = visit()
        seen.expected = MISSING
        page = seen.open(base)
        expect(page.locator(".tile.accent .figure")).to_have_text("100,000")
        expect(page.locator(".map circle")).to_have_count(5)
        page.goto(f"{base}/#/proxies")
        expect(page.locator(".pager [role=status]")).to_have_text(f"1–50 of {size:,}")
        first = page.locator(".row-link").first.inner_text()
        page.get_by_role("button", name="Next").click()
        expect(page.locator(".pager [role=status]")).to_have_text(f"51–100 of {size:,}")
        expect(page.locator(".row-link").first).not_to_have_text(first)
        page.get_by_role("button", name="Back").click()
        expect(page.locator(".row-link").first).to_have_text(first)
        page.locator("input[name=country]").fill("DE")
        expect(page.locator(".pager [role=status]")).to_have_text(f"1–50 of {size // 5:,}")
        assert page.locator("tbody tr").count() == 50
        seen.context.close()
