"""Real clients: curl, requests and httpx2, by every protocol, with hashes both ways."""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import partial

import httpx2
import pytest
import requests

from shoal.domain import Scheme
from shoal.lab import FailureKind, Life

WAYS = {
    "http": ["-x", "http://127.0.0.1:{port}"],
    "connect": ["-p", "-x", "http://127.0.0.1:{port}"],
    "socks4": ["--socks4", "127.0.0.1:{port}"],
    "socks4a": ["--socks4a", "127.0.0.1:{port}"],
    "socks5": ["--socks5", "127.0.0.1:{port}"],
    "socks5h": ["--socks5-hostname", "127.0.0.1:{port}"],
}
BREAKS = (
    FailureKind.RESET, FailureKind.ACCEPT_CLOSE, FailureKind.STALL, FailureKind.STATUS_502, FailureKind.STATUS_403,
    FailureKind.STATUS_407, FailureKind.WRONG_PROTOCOL,
)  # fmt: skip


async def curl(*words, data=b""):
    process = await asyncio.create_subprocess_exec(
        "curl", "-q", "-sS", "--max-time", "30", "--noproxy", "", *words,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate(data)
    return process.returncode, out, errors.decode()


def way(name, port):
    return [word.format(port=port) for word in WAYS[name]]


def some_broken(kit, proxy):
    """Every third one fails, each in another way; they are not on ports of their own, so that all accept."""
    if proxy.index % 10 >= 3:
        return proxy
    return kit.changed(proxy, life=Life.DEAD, phases=None, dead_kind=BREAKS[proxy.index % len(BREAKS)])


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("client", WAYS)
async def test_curl_gets_and_uploads_through_every_scheme(world, kit, scheme, client):
    async with world(scheme) as w, w.gateway() as gateway:
        code, out, errors = await curl(*way(client, gateway.port), w.target("/bytes/1500000"))
        assert code == 0, errors
        assert hashlib.sha256(out).digest() == hashlib.sha256(kit.pattern(1_500_000)).digest()
        body = kit.pattern(900_000)
        code, out, errors = await curl(*way(client, gateway.port), "--data-binary", "@-", w.target("/up"), data=body)
        assert code == 0, errors
        assert json.loads(out)["sha256"] == hashlib.sha256(body).hexdigest()


async def test_curl_logs_in_and_keeps_its_connection(world):
    async with world(Scheme.SOCKS5) as w, w.gateway(users=("me:pw",)) as gateway:
        for words in (
            ["-x", f"http://me-session-a:pw@127.0.0.1:{gateway.port}"],
            ["-x", f"http://127.0.0.1:{gateway.port}", "--proxy-user", "me:pw", "--proxy-anyauth"],
            ["-p", "-x", f"http://me:pw_session-a@127.0.0.1:{gateway.port}"],
            ["-x", f"socks5h://me-session-b:pw@127.0.0.1:{gateway.port}"],
        ):
            code, out, errors = await curl(*words, w.target("/1"), w.target("/2"))
            assert code == 0, errors
            assert out.count(b'"target"') == 2


async def test_curl_shows_why_connect_failed(world):
    async with world(Scheme.SOCKS5) as w, w.gateway([]) as gateway:
        code, _, errors = await curl("-v", "-p", "-x", f"http://127.0.0.1:{gateway.port}", w.target())
        assert code != 0
        assert "no proxy fits this request" in errors


def with_requests(port, url, body):
    proxies = {"http": f"http://127.0.0.1:{port}", "https": f"http://127.0.0.1:{port}"}
    with requests.Session() as session:
        session.trust_env = False
        got = session.get(url + "/bytes/300000", proxies=proxies, timeout=30)
        sent = session.post(url + "/up", data=iter([body[:1000], body[1000:]]), proxies=proxies, timeout=30)
    return got.content, sent.json()["sha256"]


def with_requests_socks(port, url, body):
    proxies = {"http": f"socks5h://a-session-x:b@127.0.0.1:{port}"}
    got = requests.get(url + "/bytes/300000", proxies=proxies, timeout=30)
    sent = requests.put(url + "/up", data=body, proxies=proxies, timeout=30)
    return got.content, sent.json()["sha256"]


def with_httpx2(port, url, body):
    with httpx2.Client(proxy=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
        got = client.get(url + "/chunked/300000")
        sent = client.post(url + "/up", content=body)
    return got.content, sent.json()["sha256"]


@pytest.mark.parametrize("client", [with_requests, with_requests_socks, with_httpx2])
async def test_python_clients_get_and_upload(world, kit, client):
    async with world(Scheme.HTTP) as w, w.gateway() as gateway:
        body = kit.pattern(200_000)
        got, sent = await asyncio.to_thread(client, gateway.port, w.target(""), body)
        assert got == kit.pattern(300_000)
        assert sent == hashlib.sha256(body).hexdigest()


async def test_with_three_in_ten_broken_hardly_anything_fails_and_nothing_is_corrupted(world, kit):
    """Every proxy may be tried once, so that no run of bad luck decides; what we refuse counts as failed."""
    count, size = 300, 40
    failed, wrong = [], []
    gate = asyncio.Semaphore(20)
    async with world(size=size, edit=partial(some_broken, kit)) as w, w.gateway(attempts=size, deadline=60) as gateway:

        async def one(number):
            size = 1000 + number * 37
            async with gate:
                name = list(WAYS)[number % len(WAYS)]
                words = ["--fail", "--max-time", "90", *way(name, gateway.port)]
                if number % 3:
                    code, out, errors = await curl(*words, w.target(f"/bytes/{size}"))
                    right = out == kit.pattern(size)
                else:
                    body = kit.pattern(size)
                    code, out, errors = await curl(
                        *words, "-X", "PUT", "--data-binary", "@-", w.target("/up"), data=body
                    )
                    right = hashlib.sha256(body).hexdigest().encode() in out
            if code:
                failed.append((number, name, errors))
            elif not right:
                wrong.append((number, name, out[:200]))

        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                tasks.create_task(one(number))
        assert gateway.stats().failures > count / 10
    assert not wrong
    assert len(failed) <= count * 0.005, failed
