"""What waits in a listener's queue is let in within a few turns of the loop, however many wait."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ssl import PROTOCOL_TLS_SERVER, SSLContext, create_default_context

import pytest
import trustme
import uvloop

from shoal.net import accepting as accepting_module
from shoal.net.accepting import BurstAcceptor

CROWD = 300
BOUND = 20.0


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a test's coroutine in either loop."""
    factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[request.param]

    def go(job):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(job, BOUND))

    return go


@contextlib.contextmanager
def crowd(address, count=CROWD):
    """Clients that are connected as far as the kernel is concerned, and say one word."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(address, BOUND))
            client.sendall(b"hello")
            clients.append(client)
        yield clients


async def turns_until(condition):
    turns = 0
    while not condition():
        await asyncio.sleep(0)
        turns += 1
    return turns


class Echo(asyncio.Protocol):
    def __init__(self, met):
        self.met = met

    def connection_made(self, transport):
        self.transport = transport
        self.met.append(transport)

    def data_received(self, data):
        self.transport.write(data)


def test_a_crowd_is_let_in_within_a_few_turns_and_each_is_served(run):
    async def job():
        loop, met = asyncio.get_running_loop(), []
        accepting = BurstAcceptor(loop)
        server = await loop.create_server(accepting.wrap(lambda: Echo(met)), "127.0.0.1", 0, backlog=1024)
        accepting.watch(server.sockets)
        with crowd(server.sockets[0].getsockname()) as clients:
            assert await turns_until(lambda: len(met) == CROWD) < CROWD / 10
            for client in clients:
                client.setblocking(False)
                assert await asyncio.wait_for(loop.sock_recv(client, 100), BOUND) == b"hello"
        accepting.close()
        server.close()

    run(job())


def test_one_turn_takes_so_many_and_no_more(run, monkeypatch):
    monkeypatch.setattr(accepting_module, "_AT_ONCE", 10)

    async def job():
        loop, met = asyncio.get_running_loop(), []
        accepting = BurstAcceptor(loop)
        server = await loop.create_server(accepting.wrap(lambda: Echo(met)), "127.0.0.1", 0, backlog=1024)
        accepting.watch(server.sockets)
        with crowd(server.sockets[0].getsockname(), 100):
            turns = await turns_until(lambda: len(met) == 100)
        if not isinstance(loop, asyncio.BaseEventLoop):
            assert 100 / 11 - 1 < turns < 50
        accepting.close()
        server.close()

    run(job())


def test_tls_begins_for_those_as_well(run):
    authority = trustme.CA()
    inside, outside = SSLContext(PROTOCOL_TLS_SERVER), create_default_context()
    authority.issue_cert("localhost").configure_cert(inside)
    authority.configure_trust(outside)

    async def job():
        loop, met = asyncio.get_running_loop(), []
        accepting = BurstAcceptor(loop, inside)
        server = await loop.create_server(accepting.wrap(lambda: Echo(met)), "127.0.0.1", 0, ssl=inside)
        accepting.watch(server.sockets)
        host, port = server.sockets[0].getsockname()
        opened = [asyncio.open_connection(host, port, ssl=outside, server_hostname="localhost") for _ in range(20)]
        for reader, writer in await asyncio.gather(*opened):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.transport.abort()
        # Somebody who speaks no TLS is closed, and nothing is said of it.
        with crowd((host, port), 5) as clients:
            for client in clients:
                client.setblocking(False)
                with contextlib.suppress(ConnectionError):
                    while await loop.sock_recv(client, 100):
                        pass
        accepting.close()
        server.close()

    run(job())


def test_the_port_is_free_once_both_are_closed(run):
    async def job():
        loop = asyncio.get_running_loop()
        accepting = BurstAcceptor(loop)
        server = await loop.create_server(accepting.wrap(lambda: Echo([])), "127.0.0.1", 0)
        accepting.watch(server.sockets)
        address = server.sockets[0].getsockname()
        accepting.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, BOUND)

    run(job())
