"""asyncio with aiohttp: python async_aiohttp.py [URL]"""

import asyncio
import sys

import aiohttp

from shoal_client.aiohttp import client_session

url = sys.argv[1] if len(sys.argv) > 1 else "http://example.com/"


async def main() -> None:
    async with client_session(session={"timeout": aiohttp.ClientTimeout(total=20)}) as session:

        async def fetch(number: int) -> None:
            try:
                async with session.get(url) as response:
                    print(response.status, len(await response.read()), "bytes")
            except aiohttp.ClientError as error:
                print("failed:", getattr(error, "reason", error))

        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(fetch(number), name=f"fetch {number}")


asyncio.run(main())
