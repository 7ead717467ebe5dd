"""asyncio with httpx2 (or httpx: import shoal_client.httpx): python async_httpx.py [URL]"""

import asyncio
import sys

import httpx2

from shoal_client.httpx2 import AsyncTransport

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"


async def main() -> None:
    async with httpx2.AsyncClient(transport=AsyncTransport(), timeout=10) as client:
        answers = await asyncio.gather(*(client.get(url) for _ in range(10)), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, httpx2.TransportError):
            print("failed:", answer.proxy, answer.reason)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            print(answer.status_code, "through", answer.extensions["shoal_proxy"])


asyncio.run(main())
