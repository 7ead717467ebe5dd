"""The simulated internet as one object: proxies, lists, judges and truth on loopback."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from shoal.domain import Endpoint, Scheme
from shoal.errors import ShoalError
from shoal.lab.certificates import Authority
from shoal.lab.control import Control
from shoal.lab.judges import Judges
from shoal.lab.listeners import take_ports
from shoal.lab.listing import LISTS
from shoal.lab.population import LabProxy, build
from shoal.lab.presets import Preset
from shoal.lab.proxy_server import ProxyServer
from shoal.lab.truth import Truth, truth_of
from shoal.lab.web import WebServer
from shoal.lab.world import LabClock, World


class Lab:
    """``async with Lab(...) as lab``: everything runs in the current loop and ends with the block.

    ``latency_scale`` 1 is the internet as measured (median about 3 s), 0.1 feels alive, 0 answers at once.
    ``schemes`` gives every proxy just these; ``edit`` may change each before it opens (not its address and port), for
    tests that need a certain one. ``folder`` receives the certificates (default: a temporary one).
    Raises ShoalError when no ports can be had, ValueError for a size or speed out of bounds.
    """

    def __init__(
        self,
        seed: int = 1,
        size: int = 2000,
        preset: str | Preset = Preset.RAW,
        speed: float = 1.0,
        latency_scale: float = 0.1,
        folder: Path | None = None,
        control_port: int = 0,
        schemes: tuple[Scheme, ...] | None = None,
        edit: Callable[[LabProxy], LabProxy] | None = None,
    ) -> None:
        self.seed, self.size, self.preset = seed, size, Preset(preset)
        self._speed, self._latency_scale = speed, latency_scale
        self._folder, self._control_port, self._schemes = folder, control_port, schemes
        self._edit = edit

    async def __aenter__(self) -> Lab:
        async with AsyncExitStack() as stack:
            folder = self._folder
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-lab-")))
            folder.mkdir(parents=True, exist_ok=True)
            good, bad = Authority(folder, "ca"), Authority(folder, "bad-ca")
            self.ca_file = good.path
            try:
                plan, held = take_ports(flood=self.preset is Preset.FLOOD)
            except OSError as error:
                raise ShoalError(f"the lab cannot start: {error}; stop what uses these ports") from error
            for socket in held.values():
                stack.callback(socket.close)
            self.ports = plan
            self.population = build(self.preset, self.size, self.seed, plan, self._schemes)
            if self._edit is not None:
                self.population = tuple(map(self._edit, self.population))
            loop = asyncio.get_running_loop()
            self.world = World(self.population, self.seed, LabClock(loop.time, self._speed), self._latency_scale)
            bad_context = bad.server_context()
            self._proxies = ProxyServer(self.world, plan, held, proxy_tls=bad_context, bad_tls=bad_context)
            await stack.enter_async_context(self._proxies)
            self._judges = Judges(self.seed, good.server_context())
            stack.push_async_callback(self._judges.stop)
            await self._judges.start()
            web = WebServer(Control(self.world, self.describe, self.set_fault).respond)
            try:
                await web.start(self._control_port)
            except OSError as error:
                reason = f"the lab cannot listen on 127.0.0.1 port {self._control_port}: {error.strerror}"
                raise ShoalError(f"{reason}; choose another port") from error
            stack.callback(web.close)
            self._faults = await stack.enter_async_context(asyncio.TaskGroup())
            self.control_url = f"http://127.0.0.1:{web.port}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        # Transports close one turn of the loop later.
        await asyncio.sleep(0)

    @property
    def lists(self) -> tuple[str, ...]:
        """The URLs of all list pages."""
        return tuple(self.control_url + spec.path for spec in LISTS)

    @property
    def judges(self) -> tuple[str, ...]:
        """The judges' URLs with their keys, HTTP first."""
        return self._judges.urls

    @property
    def named_judges(self) -> tuple[str, ...]:
        """The same judges by a name, which the proxies have to resolve."""
        return self._judges.urls_at("localhost")

    def truth(self, proxy: str | Endpoint | LabProxy) -> Truth | None:
        """What is true now about ``host:port`` (or a proxy of the population); None if the lab does not know it."""
        if isinstance(proxy, str):
            host, _, port = proxy.rpartition("://")[2].rpartition("@")[2].rpartition(":")
            proxy = Endpoint(host, int(port)) if port.isdecimal() else Endpoint(proxy, 0)
        known = proxy if isinstance(proxy, LabProxy) else self.world.truth_of(proxy)
        return None if known is None else truth_of(self.world, known)

    def set_fault(self, name: str, on: bool) -> None:
        """Switch ``judge`` (all judges) or ``network`` (all live proxies). Judges follow within a turn of the loop."""
        if name == "network":
            self._proxies.set_network(on)
        elif name == "judge":
            self.world.judges_on = on
            self._faults.create_task(self._judges.start() if on else self._judges.stop(), name=f"lab judge {on}")
        else:
            raise ValueError(f"the lab has no fault {name!r}")

    def describe(self) -> dict[str, object]:
        """Where everything is."""
        return {
            "control": self.control_url,
            "lists": self.lists,
            "judges": self.judges,
            "ca": str(self.ca_file),
            "seed": self.seed,
            "preset": self.preset.value,
            "size": len(self.population),
        }


async def serve(
    ready: Callable[[dict[str, object]], None],
    *,
    seed: int = 1,
    size: int = 2000,
    preset: str = "raw",
    speed: float = 1.0,
    latency_scale: float = 0.1,
    folder: Path | None = None,
    control_port: int = 0,
) -> None:
    """Run a lab until cancelled; ``ready`` gets ``Lab.describe()`` once everything listens. Raises as ``Lab`` does."""
    async with Lab(seed, size, preset, speed, latency_scale, folder, control_port) as lab:
        ready(lab.describe())
        await asyncio.Event().wait()
