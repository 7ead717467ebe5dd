"""Listening sockets, and why one cannot be had, in words."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Final

from shoal.errors import ShoalError

BACKLOG: Final = 2048
"""Connections that wait to be accepted (listen(2) cuts it to the system's own bound)."""


async def bind_listener(host: str, port: int, *, what: str, flag: str) -> socket.socket:
    """A listening TCP socket; connections wait in its queue until somebody serves it.

    Raises ShoalError that names ``what`` wanted to listen and the ``flag`` by which a user chooses another address.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise ShoalError(
            f"the {what} cannot listen on {host}: no such address; choose another with {flag} HOST:PORT"
        ) from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ShoalError(why_not(host, port, error, what, flag)) from error
    return listener


def why_not(host: str, port: int, error: OSError, what: str, flag: str) -> str:
    """Why ``what`` cannot listen there, in a sentence that names the ``flag`` to choose another address."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program; choose another with {flag} HOST:PORT"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{host} is no address of this machine; choose another with {flag} HOST:PORT"
    if error.errno == errno.EACCES:
        return f"port {port} needs rights that this user has not; choose one above 1023 with {flag} HOST:PORT"
    return f"the {what} cannot listen on {host} port {port}: {error.strerror}; choose another with {flag} HOST:PORT"
