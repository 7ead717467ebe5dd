import asyncio
import time

import pytest

from shoal.testing.virtual_time import EPOCH, StuckError, VirtualClock, VirtualLoop, run_virtual


def test_hours_pass_in_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(36_000.0)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run_virtual(main()) == 36_000.0
    assert time.monotonic() - began < 5.0


def test_timers_fire_at_their_exact_times_in_order() -> None:
    async def main() -> list[tuple[float, int]]:
        loop = asyncio.get_running_loop()
        fired: list[tuple[float, int]] = []
        for number, delay in enumerate((3.0, 0.001, 86_400.0 * 3, 0.5)):
            loop.call_later(delay, lambda number=number: fired.append((loop.time(), number)))
        await asyncio.sleep(86_400.0 * 4)
        return fired

    fired = run_virtual(main())
    assert [number for _, number in fired] == [1, 3, 0, 2]
    assert [at for at, _ in fired] == pytest.approx([0.001, 0.5, 3.0, 86_400.0 * 3])


def test_a_clock_follows_its_loop() -> None:
    async def main() -> tuple[float, float]:
        clock = VirtualClock(asyncio.get_running_loop())
        before = clock.now()
        await asyncio.sleep(12.5)
        return before, clock.now()

    assert run_virtual(main()) == (EPOCH, EPOCH + 12.5)


def test_waiting_for_what_nobody_will_do_is_an_error_and_not_a_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run_virtual(main())


def test_connections_go_to_the_network_in_memory() -> None:
    async def main() -> tuple[object, object]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        accepted: list[asyncio.Protocol] = []

        def accept() -> asyncio.Protocol:
            accepted.append(asyncio.Protocol())
            return accepted[-1]

        loop.network.listen("127.0.0.1", 80, accept)
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", 80, local_addr=("127.0.0.9", 0))
        assert len(accepted) == 1
        return transport.get_extra_info("peername"), transport.get_extra_info("sockname")[0]

    assert run_virtual(main()) == (("127.0.0.1", 80), "127.0.0.9")
