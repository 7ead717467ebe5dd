import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.testing.network import MemoryNetwork
from shoal.testing.virtual_time import run_virtual


class Log(asyncio.Protocol):
    """Writes down what happens to it."""

    def __init__(self, echo: bool = False) -> None:
        self.echo = echo
        self.events: list[object] = []
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.echo:
            assert self.transport is not None
            self.transport.write(data)

    def eof_received(self) -> bool | None:
        self.events.append("eof")
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append(exc if exc is None else type(exc))


async def pair(network: MemoryNetwork, echo: bool = False) -> tuple[Log, Log]:
    server = Log(echo)
    network.listen("127.0.0.1", 80, lambda: server)
    _, client = await network.connect(Log, "127.0.0.1", 80)
    assert isinstance(client, Log)
    return client, server


@given(st.lists(st.binary(min_size=1, max_size=5), max_size=30))
@settings(deadline=None)
def test_bytes_arrive_in_the_order_written_even_at_one_instant(chunks: list[bytes]) -> None:
    async def main() -> None:
        client, server = await pair(MemoryNetwork())
        assert client.transport is not None
        for chunk in chunks:
            client.transport.write(chunk)
        client.transport.close()
        await asyncio.sleep(1.0)
        assert server.received == b"".join(chunks)
        assert server.events == ["made", "eof", None]
        assert client.events == ["made", None]

    run_virtual(main())


def test_a_round_trip_takes_its_time() -> None:
    async def main() -> None:
        network = MemoryNetwork(latency=0.1)
        loop = asyncio.get_running_loop()
        client, _ = await pair(network, echo=True)
        assert loop.time() == pytest.approx(0.1)
        assert client.transport is not None
        client.transport.write(b"ping")
        await asyncio.sleep(0.199)
        assert client.received == b""
        await asyncio.sleep(0.002)
        assert client.received == b"ping"

    run_virtual(main())


def test_nobody_listening_refuses() -> None:
    async def main() -> None:
        network = MemoryNetwork()
        with pytest.raises(ConnectionRefusedError):
            await network.connect(Log, "127.0.0.1", 81)
        await pair(network)
        network.close("127.0.0.1", 80)
        with pytest.raises(ConnectionRefusedError):
            await network.connect(Log, "127.0.0.1", 80)

    run_virtual(main())


@pytest.mark.parametrize("everywhere", [True, False])
def test_black_holes_and_pulled_cables_never_answer(everywhere: bool) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        network.down = everywhere
        if not everywhere:
            network.black_holes.add("127.0.0.2")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1_000.0):
                await network.connect(Log, "127.0.0.2", 80)
        network.down = False
        await pair(network)

    run_virtual(main())


def test_an_abort_is_a_reset_at_the_other_end() -> None:
    async def main() -> None:
        client, server = await pair(MemoryNetwork())
        assert server.transport is not None
        server.transport.abort()
        await asyncio.sleep(1.0)
        assert server.events == ["made", None]
        assert client.events == ["made", ConnectionResetError]

    run_virtual(main())


def test_half_closed_connections_carry_the_other_way() -> None:
    class Patient(Log):
        def eof_received(self) -> bool | None:
            super().eof_received()
            assert self.transport is not None
            self.transport.write(b"late")
            self.transport.close()
            return True

    async def main() -> None:
        network = MemoryNetwork()
        network.listen("127.0.0.1", 80, Patient)
        _, client = await network.connect(Log, "127.0.0.1", 80)
        assert isinstance(client, Log)
        assert client.transport is not None
        client.transport.write_eof()
        await asyncio.sleep(1.0)
        assert client.received == b"late"

    run_virtual(main())


def test_each_connection_has_a_port_of_its_own() -> None:
    async def main() -> None:
        network = MemoryNetwork()
        network.listen("127.0.0.1", 80, Log)
        ports = set()
        for _ in range(50):
            transport, _ = await network.connect(Log, "127.0.0.1", 80)
            ports.add(transport.get_extra_info("sockname"))
        assert len(ports) == 50

    run_virtual(main())
