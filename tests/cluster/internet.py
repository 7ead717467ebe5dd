"""``python internet.py PORT ADDRESS...``: a forwarding and tunnelling proxy at each address, which never fails.

Each takes its time, so that checks can be met while they are under way."""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit, urlunsplit

PAUSE = 0.5


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        tunnel = method == b"CONNECT"
        await asyncio.sleep(PAUSE)
        goal = urlsplit(f"//{target.decode()}" if tunnel else target.decode())
        # It leaves by the address at which it is known.
        there = await asyncio.open_connection(goal.hostname, goal.port or 80, local_addr=(address, 0))
        if tunnel:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            path = urlunsplit(("", "", goal.path or "/", goal.query, ""))
            line = b"%s %s HTTP/1.1\r\n" % (method, path.encode())
            fields = [field for field in head.split(b"\r\n")[1:-2] if not field.lower().startswith(b"proxy-")]
            there[1].write(line + b"\r\n".join([*fields, b"Connection: close", b"", b""]))
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


async def main(port: int, addresses: list[str]) -> None:
    def proxy(address: str):  # type: ignore[no-untyped-def]
        return lambda reader, writer: serve(address, reader, writer)

    servers = [await asyncio.start_server(proxy(address), address, port) for address in addresses]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
