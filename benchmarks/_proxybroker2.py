"""Runs inside a virtual environment of its own: proxybroker2's checker over living proxies. `NUMBER` -> JSON.

Its judge answers in the form that it expects (its headers repeated, the caller's address); its client is asyncio's, and
it checks one protocol of each proxy, plain HTTP, as the re-check beside it does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


async def judge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    body = b"REMOTE_ADDR = 127.0.0.1\n" + request
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


def serve(pipe) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        server = await asyncio.start_server(judge, "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def measure(port: int, number: int, concurrency: int = 100) -> dict[str, float]:
    from proxybroker2.checker import Checker
    from proxybroker2.judge import Judge
    from proxybroker2.proxy import Proxy

    checker = Checker([Judge(f"http://127.0.0.1:{port}/")], real_ext_ip="127.0.0.1", types={"HTTP": None})
    one = checker._judges[0]
    one.ip = "127.0.0.1"
    one.is_working = True
    Judge.available["HTTP"].append(one)
    for event in Judge.ev.values():
        event.set()
    numbers = iter(range(number))
    working = 0

    async def worker() -> None:
        nonlocal working
        for _ in numbers:
            good = await checker.check(Proxy("127.0.0.1", port, types=("HTTP",)))
            working += good

    begun = time.process_time()
    await asyncio.gather(*[worker() for _ in range(concurrency)])
    used = time.process_time() - begun
    assert working == number, working
    return {"checks": number, "concurrency": concurrency, "cpu_s_per_1000": used / number * 1000}


def main() -> None:
    import multiprocessing

    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    child.start()
    print(json.dumps(asyncio.run(measure(ours.recv(), int(sys.argv[1])))))
    child.terminate()


if __name__ == "__main__":
    main()
