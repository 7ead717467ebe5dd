"""The control address: index, truth, clock and faults."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from shoal.domain import Endpoint
from shoal.lab.lists import Lists
from shoal.lab.truth import counts, truth_of
from shoal.lab.web import Page, Request, json_page, problem_page
from shoal.lab.world import World


class Control:
    """Routes of the control server. ``index`` gives what stays the same, ``set_fault`` switches faults."""

    def __init__(
        self,
        world: World,
        index: Callable[[], dict[str, object]],
        set_fault: Callable[[str, bool], None],
    ) -> None:
        self._world = world
        self._index = index
        self._set_fault = set_fault
        self._lists = Lists(world)

    def respond(self, request: Request) -> Page:
        if request.path.startswith("/lists/"):
            return self._lists.page(request)
        route = {"/": self._show, "/truth": self._truth, "/clock": self._clock, "/fault": self._fault}.get(request.path)
        return problem_page(404, "the lab has no such page") if route is None else route(request)

    def _show(self, request: Request) -> Page:
        return json_page({**self._index(), **self._state(), "population": counts(self._world)})

    def _state(self) -> dict[str, object]:
        world = self._world
        return {
            "time": world.clock.now(),
            "speed": world.clock.speed,
            "network": "on" if world.network_on else "off",
            "judge": "on" if world.judges_on else "off",
        }

    def _truth(self, request: Request) -> Page:
        world = self._world
        wanted = request.query.get("proxy")
        if wanted is None:
            lines = [msgspec.json.encode(truth_of(world, proxy)) for proxy in world.population]
            return Page(b"\n".join(lines) + b"\n", "application/x-ndjson")
        host, _, port = wanted.rpartition("://")[2].rpartition("@")[2].rpartition(":")
        proxy = world.truth_of(Endpoint(host, int(port))) if port.isdecimal() else None
        if proxy is None:
            return problem_page(404, f"the lab knows no proxy {wanted!r}")
        return json_page(truth_of(world, proxy))

    def _clock(self, request: Request) -> Page:
        if request.method == "POST":
            try:
                self._world.clock.set_speed(float(request.query.get("speed", "")))
            except ValueError:
                return problem_page(400, "speed is a number between 0 and 1000000")
        return json_page(self._state())

    def _fault(self, request: Request) -> Page:
        if request.method == "POST":
            faults = {name: value for name, value in request.query.items() if name in ("judge", "network")}
            if not faults or not set(faults.values()) <= {"on", "off"}:
                return problem_page(400, "say judge=on, judge=off, network=on or network=off")
            for name, value in faults.items():
                self._set_fault(name, value == "on")
        return json_page(self._state())
