"""Clients over IPv6, and targets that are IPv6 addresses, by every protocol that can name one."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv6Address

import pytest

from shoal.domain import Capability, Scheme

TARGET = "2606:4700::1"
CAN = (Capability.TUNNEL, Capability.FORWARD, Capability.IPV6_EXIT)


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


def http_proxy(told):
    async def script(reader, writer, number):
        told.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" if told[-1].startswith("CONNECT") else OK)
        await reader.read()

    return script


def socks_proxy(told):
    async def script(reader, writer, number):
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        head = await reader.readexactly(4)
        address = await reader.readexactly(16 if head[3] == 4 else 4)
        port = int.from_bytes(await reader.readexactly(2), "big")
        told.append((head[3], str(IPv6Address(address)), port))
        writer.write(b"\x05\x00\x00\x01\0\0\0\0\0\0")
        await reader.read()

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SOCKS5 = b"\x05\x01\x00\x05\x01\x00\x04" + IPv6Address(TARGET).packed + (443).to_bytes(2, "big")


@needs_ipv6
async def test_clients_come_over_ipv6_by_every_protocol(bare, kit):
    told = []
    async with (
        kit.Upstream("127.1.1.1", http_proxy(told)) as one,
        bare.gateway([one.record(*CAN)], listen="[::1]:0") as gateway,
    ):
        assert gateway.host == "::1"
        for hello, answer in (
            (f"CONNECT [{TARGET}]:443 HTTP/1.1\r\nHost: [{TARGET}]:443\r\n\r\n".encode(), b"HTTP/1.1 200 "),
            (f"GET http://[{TARGET}]/a HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b"HTTP/1.1 200 OK"),
            (f"GET http://[{TARGET}]/a HTTP/1.1\r\nHost: x\r\n\r\n".encode(), b"HTTP/1.1 200 OK"),
            (SOCKS5, b"\x05\x00\x05\x00"),
        ):
            reader, writer = await asyncio.open_connection("::1", gateway.port)
            writer.write(hello)
            async with asyncio.timeout(10):
                assert (await reader.readexactly(len(answer))) == answer
            writer.transport.abort()
    assert set(told) == {f"CONNECT [{TARGET}]:443 HTTP/1.1", f"GET http://[{TARGET}]/a HTTP/1.1"}


async def test_an_address_goes_to_a_socks_proxy_as_an_address(bare, kit):
    told = []
    async with (
        kit.Upstream("127.1.1.1", socks_proxy(told)) as one,
        bare.gateway([one.record(*CAN, scheme=Scheme.SOCKS5)]) as gateway,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(SOCKS5)
        assert await asyncio.wait_for(reader.readexactly(4), 10) == b"\x05\x00\x05\x00"
        writer.transport.abort()
    assert told == [(4, TARGET, 443)]


@pytest.mark.parametrize("can", [(Capability.TUNNEL,), (Capability.TUNNEL, Capability.FORWARD)])
async def test_only_proxies_that_have_shown_an_ipv6_exit_serve_such_targets(bare, kit, can):
    async with kit.Upstream("127.1.1.1", http_proxy([])) as one, bare.gateway([one.record(*can)]) as gateway:
        request = f"CONNECT [{TARGET}]:443 HTTP/1.1\r\nHost: [{TARGET}]:443\r\n\r\n".encode()
        assert (await kit.talk(gateway.port, request)).startswith(b"HTTP/1.1 503 ")
        assert one.connections == 0
