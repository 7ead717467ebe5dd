"""All simulated proxies: their listeners, their clients and their connections to targets."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import TYPE_CHECKING

from shoal.lab.listeners import Sockets
from shoal.lab.ports import PortPlan
from shoal.lab.proxy_session import ProxySession
from shoal.lab.relay import Relay, lab_address
from shoal.lab.world import World

if TYPE_CHECKING:
    import ssl


class ProxyServer:
    """``async with`` serves the world's population on ``held``, the sockets that ``listeners.take_ports`` gave."""

    def __init__(
        self,
        world: World,
        plan: PortPlan,
        held: dict[int, socket.socket],
        *,
        proxy_tls: ssl.SSLContext,
        bad_tls: ssl.SSLContext,
    ) -> None:
        self.world = world
        self.proxy_tls = proxy_tls
        """For TLS to the proxy."""
        self.bad_tls = bad_tls
        """What intercepting proxies show."""
        self.sessions: set[ProxySession] = set()
        self._plan, self._held = plan, held
        self._tasks = asyncio.TaskGroup()
        self._connecting: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def __aenter__(self) -> ProxyServer:
        self.loop = asyncio.get_running_loop()
        self._sockets = Sockets(self._plan, self._held, self.world.spots())
        await self._tasks.__aenter__()
        for listener in self._sockets.listening:
            self._servers.append(await self.loop.create_server(lambda: ProxySession(self), sock=listener, backlog=4096))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()
        for session in tuple(self.sessions):
            session.abort()
        for task in tuple(self._connecting):
            task.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
            # An aborted transport closes its socket in a later turn of the loop.
            for _ in range(100):
                if not self.sessions:
                    break
                await asyncio.sleep(0.005)
        finally:
            self._sockets.close()

    def set_network(self, on: bool) -> None:
        """Off: no live port answers, and what is open ends."""
        self.world.network_on = on
        self._sockets.set_network(on)
        if not on:
            for session in tuple(self.sessions):
                session.abort()

    def connect(self, relay: Relay) -> None:
        """Dial the relay's target; it learns of the outcome."""
        task = self._tasks.create_task(self._connect(relay), name="lab relay")
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, relay: Relay) -> None:
        host, port, leave_by = relay.route
        address = lab_address(host)
        if address is None:
            relay.failed()
            return
        try:
            await self.loop.create_connection(lambda: relay, address, port, local_addr=(leave_by, 0))
        except OSError:
            relay.failed()
