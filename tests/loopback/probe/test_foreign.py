"""Judges that are not ours: what an echo and a page, read through a proxy and directly, say together."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from shoal.domain import Anonymity, Honesty, Scheme
from shoal.wire import RequestHeadReader

PAGE = b"<!DOCTYPE html><html><body>" + b"<p>A chapter of an old book.</p>" * 20 + b"</body></html>\n"


class Foreign:
    """httpbin, as far as we ask it. ``versions`` counts the page's changes."""

    def __init__(self, page=True):
        self.page = page
        self.version = 0
        self.restless = False

    async def handler(self, reader, writer):
        data = await reader.read(65536)
        head = RequestHeadReader().receive_data(data)
        parts = urlsplit(head.target)
        status = 200
        if parts.path == "/get":
            fields = {name.title(): value for name, value in head.headers}
            origin = writer.get_extra_info("peername")[0]
            body = json.dumps({"args": dict(parse_qsl(parts.query)), "headers": fields, "origin": origin}).encode()
        elif self.page and parts.path == "/html":
            self.version += self.restless
            body = PAGE.replace(b"old", b"old %d" % self.version)
        else:
            status, body = 404, b"no such page"
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)


async def judged(world, handler, foreign=None, scheme=Scheme.HTTP):
    foreign = foreign or Foreign()
    port = await world.serve(foreign.handler)
    await world.begin(plain=False, tls=False, more=(f"http://127.0.0.1:{port}/get",))
    return await world.prober.check(world.record(await world.serve(handler), scheme))


def replacing(old, new):
    """A change of the same length, so that no header need be mended."""
    assert len(old) == len(new)
    return lambda answer: answer.replace(old, new)


async def test_an_echo_and_a_page_that_came_unchanged_make_it_clean(world):
    result = await judged(world, world.http_proxy())
    assert (result.works, result.honesty, result.anonymity) == (True, Honesty.CLEAN, Anonymity.ELITE)
    socks = await world.prober.check(world.record(await world.serve(world.socks5()), Scheme.SOCKS5))
    assert socks.honesty is Honesty.CLEAN


async def test_a_changed_page_is_tampering_and_the_difference_is_told(world):
    result = await judged(world, world.http_proxy(change=replacing(b"chapter", b"CHAPTER")))
    assert (result.works, result.honesty) == (True, Honesty.TAMPERS)
    assert "came back changed: at byte 32 'chapter of" in result.failure.detail


async def test_without_a_page_it_stays_unknown(world):
    result = await judged(world, world.http_proxy(), Foreign(page=False))
    assert (result.works, result.honesty) == (True, Honesty.UNKNOWN)


async def test_a_page_that_changes_by_itself_proves_nothing(world):
    foreign = Foreign()
    foreign.restless = True
    result = await judged(world, world.http_proxy(), foreign)
    assert (result.works, result.honesty) == (True, Honesty.UNKNOWN)


async def test_a_page_that_was_changed_at_its_home_accuses_nobody(world):
    foreign = Foreign()
    port = await world.serve(foreign.handler)
    await world.begin(plain=False, tls=False, more=(f"http://127.0.0.1:{port}/get",))
    foreign.version = 7
    record = world.record(await world.serve(world.http_proxy()), Scheme.HTTP)
    result = await world.prober.check(record)
    assert (result.works, result.honesty) == (True, Honesty.UNKNOWN)
    await world.panel.round()
    assert (await world.prober.check(record)).honesty is Honesty.CLEAN


async def test_a_request_that_was_changed_on_its_way_is_tampering(world):
    async def renames(reader, writer):
        data = await reader.read(65536)
        head = RequestHeadReader().receive_data(data)
        parts = urlsplit(head.target)
        up_reader, up_writer = await world.dial(parts.hostname, parts.port)
        lines = [f"GET {parts.path}?{parts.query} HTTP/1.1"]
        lines += [f"{k}: {'Other/1.0' if k == 'User-Agent' else v}" for k, v in head.headers]
        up_writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        writer.write(await up_reader.read(-1))
        up_writer.close()

    result = await judged(world, renames)
    assert (result.works, result.honesty) == (True, Honesty.TAMPERS)
    assert "User-Agent" in result.failure.detail


@pytest.mark.parametrize("field", ["User-Agent", "Accept"])
async def test_a_request_that_lost_a_field_is_not_called_clean(world, field):
    async def drops(reader, writer):
        data = await reader.read(65536)
        head = RequestHeadReader().receive_data(data)
        parts = urlsplit(head.target)
        up_reader, up_writer = await world.dial(parts.hostname, parts.port)
        lines = [f"GET {parts.path}?{parts.query} HTTP/1.1", *[f"{k}: {v}" for k, v in head.headers if k != field]]
        up_writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        writer.write(await up_reader.read(-1))
        up_writer.close()

    result = await judged(world, drops)
    assert (result.works, result.honesty) == (True, Honesty.UNKNOWN)
