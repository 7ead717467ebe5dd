"""Sockets of the lab: one listener a port for every address of 127/8, black holes, and ports held shut."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from collections.abc import Iterable
from functools import partial
from typing import Final

from shoal.lab.ports import PortPlan, plan_ports

_BACKLOG: Final = 4096
# linux/filter.h and asm-generic/socket.h; the socket module has no names for them.
_SO_ATTACH_FILTER: Final = 26
_SO_DETACH_FILTER: Final = 27
_DROP_ALL: Final = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0 bytes


def can_bind_to_loopback() -> bool:
    """Whether a wildcard listener can be tied to the loopback device (Linux from 5.7 on without privileges)."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        except (OSError, AttributeError):
            return False
    return True


def take_ports(*, flood: bool) -> tuple[PortPlan, dict[int, socket.socket]]:
    """Ports that are free now, with a socket for each that nobody else can take from us.

    Several labs may start at once, and two sockets that allow re-use may both be bound: only one of them can listen.
    So a port is ours when we listen on it. A bound socket that never listens keeps its port and refuses connections:
    so are refused ports kept refused, and these allow no re-use.
    """
    held: dict[int, socket.socket] = {}
    wildcard = can_bind_to_loopback()

    def take(port: int, *, shut: bool = False) -> bool:
        if port in held:
            return False
        taken = _socket(wildcard, reuse=not shut)
        try:
            taken.bind(("0.0.0.0" if wildcard else "127.0.0.1", port))
            if not shut:
                taken.listen(_BACKLOG)
        except OSError:
            taken.close()
            return False
        held[port] = taken
        return True

    try:
        return plan_ports(take, shut=partial(take, shut=True), flood=flood), held
    except OSError:
        for taken in held.values():
            taken.close()
        raise


def _socket(wildcard: bool, *, reuse: bool = True) -> socket.socket:
    made = socket.socket()
    made.setblocking(False)
    if reuse:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if wildcard:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
    return made


class Sockets:
    """All sockets of a population's ports. ``spots`` are its (address, port) pairs, used without wildcard listeners."""

    def __init__(self, plan: PortPlan, held: dict[int, socket.socket], spots: Iterable[tuple[str, int]]) -> None:
        self._refused = [held[port] for port in plan.refused]
        self.listening: list[socket.socket] = []
        self.holes: list[socket.socket] = []
        wildcard = can_bind_to_loopback()
        for port in plan.live:
            self.listening.append(held[port])
        for port in plan.holes:
            self.holes.append(held[port])
        if not wildcard:
            # One descriptor for every proxy: slower and bounded, but nothing listens beyond loopback.
            for address, port in spots:
                if port not in plan.refused:
                    own = _socket(wildcard=False)
                    own.bind((address, port))
                    (self.holes if port in plan.holes else self.listening).append(own)
        for listener in self.listening:
            listener.listen(_BACKLOG)
        for hole in self.holes:
            _plug(hole)

    def set_network(self, on: bool) -> None:
        """Off: the kernel drops every packet to a live port, so that its proxies are as unreachable as they look.

        Where it refuses the filter (some machines grant none without privileges) connections are still accepted; it is
        for the sessions to stay silent.
        """
        for listener in self.listening:
            with contextlib.suppress(OSError):
                if on:
                    listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
                else:
                    _attach_drop_all(listener)

    def close(self) -> None:
        for held in (*self.listening, *self.holes, *self._refused):
            held.close()


def _plug(hole: socket.socket) -> None:
    """With a backlog of 0 one connection fills the queue; it is never accepted, and the kernel drops further SYNs."""
    hole.listen(0)
    host, port = hole.getsockname()
    with socket.socket() as plug:
        plug.settimeout(1.0)
        plug.connect(("127.0.0.1" if host == "0.0.0.0" else host, port))


def _attach_drop_all(listener: socket.socket) -> None:
    code = ctypes.create_string_buffer(_DROP_ALL)
    program = struct.pack("HL", len(_DROP_ALL) // 8, ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
