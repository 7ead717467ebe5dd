"""Proxies that lie, and trouble of our own, which is not theirs."""

from __future__ import annotations

import asyncio
import json
from itertools import count

import msgspec
import pytest
import trustme
from msgspec.structs import replace

from shoal.domain import Anonymity, Blame, Capability, Honesty, Reason, Scheme, Stage
from shoal.domain.health import Health
from shoal.domain.judge import DOCUMENTS
from shoal.domain.record import Path
from shoal.policy.discovery import ROUNDS

EXIT = "127.0.0.77"


def verified(scheme, *capabilities):
    return Path(scheme, Health.of(last_ok=1.0), frozenset(capabilities))


def answer_with(body):
    async def handler(reader, writer):
        await reader.read(4096)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    return handler


async def profile(world, handler, scheme=Scheme.HTTP, tls=None):
    if not hasattr(world, "prober"):
        await world.begin()
    port = await world.serve(handler, tls)
    return await world.prober.check(world.record(port, scheme))


async def test_a_made_up_answer_is_a_fake(world):
    body = json.dumps({"address": "9.9.9.9", "nonce": "0" * 32, "mac": "0" * 64, "headers": []}).encode()
    result = await profile(world, answer_with(body))
    assert not result.works
    assert (result.honesty, result.failure.kind, result.blame) == (Honesty.FAKES, "content.mismatch", Blame.PROXY)


async def test_a_nonce_sent_back_without_the_judges_signature_is_a_fake(world):
    async def clever(reader, writer):
        request = (await reader.read(4096)).decode()
        nonce = request.partition("nonce=")[2][:32]
        body = json.dumps({"address": "9.9.9.9", "nonce": nonce, "mac": "0" * 64}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    assert (await profile(world, clever)).honesty is Honesty.FAKES


async def test_a_changed_page_is_tampering_though_the_path_works(world):
    def inject(answer):
        if b"</body>" not in answer:
            return answer
        return answer.replace(b"Content-Length: ", b"X-Was: ").replace(b"</body>", b"<script>x()</script></body>")

    result = await profile(world, world.http_proxy(change=inject))
    assert result.works
    assert result.honesty is Honesty.TAMPERS
    assert result.observations[0].failure.kind == "content.mismatch"


async def test_a_redirected_page_is_tampering(world):
    def redirect(answer):
        return b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n" if b"</body>" in answer else answer

    assert (await profile(world, world.http_proxy(change=redirect))).honesty is Honesty.TAMPERS


async def test_a_recompressed_picture_is_tampering(world):
    def shrink(answer):
        body = answer.partition(b"\r\n\r\n")[2]
        return b"HTTP/1.1 200 OK\r\n\r\n" + body[:100] if body.startswith(b"\x89PNG") else answer

    result = await profile(world, world.http_proxy(change=shrink))
    assert result.honesty is Honesty.TAMPERS
    assert "/doc/image.png" in result.observations[0].failure.detail


async def test_documents_that_do_not_arrive_leave_honesty_unknown_and_the_profile_open(world):
    def lose(answer):
        return b"" if b"</body>" in answer else answer

    result = await profile(world, world.http_proxy(change=lose))
    assert result.works
    assert result.honesty is Honesty.UNKNOWN
    assert not result.observations[0].facts.profiled


async def test_another_certificate_in_the_tunnel_is_interception(world):
    stranger = trustme.CA()
    result = await profile(world, world.http_proxy(intercept=world.tls_server("127.0.0.1", ca=stranger)))
    assert result.works
    assert result.honesty is Honesty.INTERCEPTS
    seen = result.observations[0]
    assert (seen.failure.stage, seen.failure.reason, seen.blame) == (Stage.TARGET_TLS, Reason.CERT, Blame.PROXY)
    assert Capability.TUNNEL in seen.facts.cannot


@pytest.mark.parametrize(
    ("header", "anonymity"),
    [
        (("X-Forwarded-For", "127.0.0.1"), Anonymity.TRANSPARENT),
        (("Forwarded", 'for="[::ffff:127.0.0.1]";proto=http'), Anonymity.TRANSPARENT),
        (("X-Odd", "id=7F000001"), Anonymity.TRANSPARENT),
        (("Via", "1.1 proxy"), Anonymity.ANONYMOUS),
        (("X-Forwarded-For", "10.9.8.7"), Anonymity.ANONYMOUS),
        (("Proxy-Connection", "keep-alive"), Anonymity.ANONYMOUS),
        (("X-Harmless", "1127.0.0.11"), Anonymity.ELITE),
    ],
)
async def test_what_the_judge_saw_decides_on_anonymity(world, header, anonymity):
    result = await profile(world, world.http_proxy(add=(header,)))
    assert result.works
    assert result.anonymity is anonymity


async def test_a_quick_recheck_is_one_request_to_the_judge(world):
    await world.begin()
    port = await world.serve(world.http_proxy())
    before = world.judge_requests
    path = verified(Scheme.HTTP, Capability.FORWARD, Capability.TUNNEL)
    result = await world.prober.check(world.record(port, path=path))
    assert result.works
    assert result.capabilities == ("forward",)
    assert world.judge_requests == before + 1
    assert not result.observations[0].facts.profiled


async def test_a_recheck_of_what_may_be_handed_out_compares_many_documents(world):
    await world.begin()
    path = replace(verified(Scheme.HTTP, Capability.FORWARD), health=Health.of(last_ok=1.0, oks=1, streak=1))
    record = world.record(await world.serve(world.http_proxy()), path=path)
    result = await world.prober.check(record)
    facts = result.observations[0].facts
    assert (result.works, facts.honesty) == (True, Honesty.CLEAN)
    assert facts.compared in (8 * ROUNDS, 8 * ROUNDS + 1) and not facts.profiled


async def test_who_changes_a_page_now_and_then_is_found_among_many(world):
    await world.begin()
    pages = count()

    def inject_seldom(answer):
        if b"</body>" not in answer or next(pages) != 3:
            return answer
        return answer.replace(b"Content-Length: ", b"X-Was: ").replace(b"</body>", b"<script>x()</script></body>")

    path = replace(verified(Scheme.HTTP, Capability.FORWARD), health=Health.of(last_ok=1.0, oks=1, streak=1))
    result = await world.prober.check(
        world.record(await world.serve(world.http_proxy(change=inject_seldom)), path=path)
    )
    assert (result.works, result.honesty) == (True, Honesty.TAMPERS)


async def test_a_full_check_of_a_known_path_takes_the_profile(world):
    await world.begin()
    port = await world.serve(world.http_proxy())
    record = world.record(port, path=verified(Scheme.HTTP, Capability.FORWARD))
    result = await world.prober.check(record, full=True)
    assert result.capabilities == ("forward", "tunnel", "tunnel_any_port")
    assert result.honesty is Honesty.CLEAN
    assert result.observations[0].facts.profiled


async def test_a_judge_that_goes_down_during_checks_is_never_the_proxys_fault(world):
    await world.begin()
    http = await world.serve(world.http_proxy())
    socks = await world.serve(world.socks5())
    assert (await world.prober.check(world.record(http, Scheme.HTTP))).works
    await asyncio.sleep(0.01)
    world.judge_down = True
    paths = (verified(Scheme.HTTP, Capability.FORWARD), verified(Scheme.SOCKS5))
    records = [world.record(http, path=paths[0]), world.record(socks, path=paths[1])] * 10
    results = await asyncio.gather(*(world.prober.check(record) for record in records))
    assert not any(result.works for result in results)
    assert {seen.blame for result in results for seen in result.observations} <= {Blame.LOCAL, Blame.UNKNOWN}
    assert not world.panel.healthy
    world.judge_down = False
    await world.panel.round()
    await asyncio.wait_for(world.panel.wait_healthy(), 1)
    assert (await world.prober.check(records[0])).works


async def test_one_judge_of_two_going_down_is_the_targets_fault(world):
    world.signs = False
    await world.begin(plain=True, tls=True)
    port = await world.serve(world.http_proxy())
    # Only the plain judge breaks: it now answers rubbish, also directly.
    plain = world.ports["plain"]
    original = world.judge

    def mangle(answer):
        if f":{plain}" in dict(answer["headers"]).get("Host", ""):
            answer["mac"] = "0" * 64

    world.judge_mangle = mangle
    await asyncio.sleep(0.01)
    result = await world.prober.check(world.record(port, path=verified(Scheme.HTTP, Capability.FORWARD)))
    assert not result.works
    assert result.blame is Blame.TARGET
    assert world.panel.healthy
    broken = next(status for status in world.panel.judges if status.url.startswith("http:"))
    assert not broken.ok
    assert "key" in broken.error
    assert original == world.judge


async def test_without_any_judge_nothing_is_dialled_and_it_is_our_fault(world):
    await world.begin()
    world.judge_down = True
    await world.panel.round()
    dialled = []

    async def note(reader, writer):
        dialled.append(1)

    port = await world.serve(note)
    result = await world.prober.check(world.record(port, Scheme.HTTP))
    assert result.blame is Blame.LOCAL
    assert not dialled


async def test_a_judge_without_a_key_still_needs_its_nonce(world):
    await world.begin(keyed=False)
    port = await world.serve(world.http_proxy())
    assert (await world.prober.check(world.record(port, Scheme.HTTP))).works
    port = await world.serve(answer_with(b'{"address": "9.9.9.9", "nonce": "no"}'))
    assert (await world.prober.check(world.record(port, Scheme.HTTP))).honesty is Honesty.FAKES


async def test_a_captive_portal_in_front_of_us_makes_the_vantage_ill(world):
    await world.begin()

    def captive(answer):
        answer.clear()

    world.judge_mangle = captive
    await world.panel.round()
    assert not world.panel.healthy
    assert all("not one of a shoal judge" in status.error for status in world.panel.judges)


# -- quick re-checks ---------------------------------------------------------------------------------------------------


async def quick(world, handler, checks=20):
    """Results of so many quick re-checks in a row: one whole turn of the rotation."""
    await world.begin(tls=False)
    port = await world.serve(handler)
    record = world.record(port, path=verified(Scheme.HTTP, Capability.FORWARD))
    return [await world.prober.check(msgspec.structs.replace(record, checks=number)) for number in range(checks)]


async def test_a_quick_recheck_is_one_exchange_that_proves_way_and_content(world):
    await world.begin(tls=False)
    port = await world.serve(world.http_proxy())
    record = world.record(port, path=verified(Scheme.HTTP, Capability.FORWARD))
    before = world.judge_requests
    for number in range(20):
        result = await world.prober.check(msgspec.structs.replace(record, checks=number))
        assert (result.works, result.exit, result.failure) == (True, EXIT, None)
    assert world.judge_requests - before == 20


@pytest.mark.parametrize("kind", [b"<html", b"(function", b"\x89PNG", b'{"document"'])
async def test_who_changes_one_kind_of_document_is_found_by_quick_rechecks_and_still_works(world, kind):
    def change(answer):
        return answer[:-2] + b"!\n" if kind in answer else answer

    results = await quick(world, world.http_proxy(change=change))
    assert all(result.works for result in results)
    caught = [result for result in results if result.honesty is Honesty.TAMPERS]
    assert caught
    assert "came back changed: at byte" in caught[0].failure.detail


async def test_a_quick_recheck_that_is_redirected_is_tampering(world):
    def redirect(answer):
        return b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n" if b"</body>" in answer else answer

    results = await quick(world, world.http_proxy(change=redirect))
    assert all(result.works for result in results)
    assert Honesty.TAMPERS in {result.honesty for result in results}


async def test_a_proxy_that_drops_unknown_fields_is_not_taken_for_a_faker(world):
    def strip(answer):
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"X-")]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    results = await quick(world, world.http_proxy(change=strip))
    assert all(result.works and result.honesty is Honesty.UNKNOWN for result in results)


async def test_documents_out_of_a_cache_prove_nothing(world):
    async def knows_them(reader, writer):
        request = await reader.read(4096)
        path = request.split(b" ")[1].partition(b"/doc/")[2].partition(b"?")[0].decode()
        document = DOCUMENTS.get(f"/doc/{path}")
        body = b"{}" if document is None else document.body
        nonce = request.partition(b"nonce=")[2][:32]
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Shoal-Address: 9.9.9.9\r\nX-Shoal-Nonce: %s\r\n"
            b"X-Shoal-Mac: %s\r\n\r\n" % (len(body), nonce, b"0" * 64) + body
        )

    results = await quick(world, knows_them)
    assert not any(result.works for result in results)
    assert {result.honesty for result in results} == {Honesty.FAKES}


async def test_a_judge_of_an_older_release_is_asked_for_its_echo(world):
    world.signs = False
    results = await quick(world, world.http_proxy())
    assert all(result.works and result.anonymity is Anonymity.ELITE for result in results)


async def test_who_intercepts_well_known_names_only_is_found_too(world):
    await world.begin()
    own = world.tls_server("www.google.com", ca=trustme.CA())

    async def never(reader, writer):
        await reader.read(1)

    trap = await world.serve(never, own)

    async def selective(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        if not request.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return
        port = int(request.split(b" ")[1].rpartition(b":")[2])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        hello = await reader.read(65536)
        await world.relay(reader, writer, "127.0.0.1", trap if b"www.google.com" in hello else port, hello)

    result = await world.prober.check(world.record(await world.serve(selective), Scheme.HTTP))
    assert (result.works, result.honesty) == (True, Honesty.INTERCEPTS)
    assert "tunnel" in result.capabilities
    assert "www.google.com" in result.failure.detail


async def test_a_network_that_drops_well_known_names_intercepts_nothing(world):
    await world.begin()

    async def censored(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        if not request.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
            return
        port = int(request.split(b" ")[1].rpartition(b":")[2])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        hello = await reader.read(65536)
        if b"www.google.com" not in hello:
            await world.relay(reader, writer, "127.0.0.1", port, hello)

    result = await world.prober.check(world.record(await world.serve(censored), Scheme.HTTP))
    assert (result.works, result.failure) == (True, None)
    assert not result.honesty.is_dangerous
