"""`shoal geo update`: DB-IP's free databases of this month, or of the last one where this month's are not out yet."""

from __future__ import annotations

import asyncio
import datetime
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import maxminddb

from shoal.errors import ShoalError
from shoal.geo.databases import ASN_FILE, COUNTRY_FILE
from shoal.options import GeoOptions

ATTRIBUTION: Final = "IP geolocation by DB-IP (https://db-ip.com), licensed under CC BY 4.0"
"""The licence asks that whoever shows the data shows this."""

URLS: Final = ((COUNTRY_FILE, GeoOptions().country_url), (ASN_FILE, GeoOptions().asn_url))
SIZE_LIMIT_BYTES: Final = 134_217_728
"""After decompression. The country database has about 8 MB, the networks' about 10."""
_TIMEOUT: Final = 120.0


async def update(folder: Path, today: datetime.date, urls: Sequence[tuple[str, str]] = URLS) -> tuple[Path, ...]:
    """Fetch the databases into the folder and return their paths. A file is replaced only by one that can be read.

    ``{month}`` in a URL stands for the year and month. Raises ``ShoalError`` with one sentence for people.
    """
    # Half a second to load, and only this command needs it.
    import httpx2

    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    last = today.replace(day=1) - datetime.timedelta(days=1)
    done: list[Path] = []
    async with httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=True) as client:
        for name, url in urls:
            data = None
            for month in (today, last):
                data = await _fetch(client, url.format(month=month.strftime("%Y-%m")))
                if data is not None:
                    break
            if data is None:
                raise ShoalError(
                    f"{url.format(month=today.strftime('%Y-%m'))} is not there, nor is last month's; try later"
                )
            done.append(await asyncio.to_thread(_store, folder / name, data))
    return tuple(done)


async def _fetch(client: object, url: str) -> bytes | None:
    """The decompressed document; None when it does not exist."""
    import httpx2

    assert isinstance(client, httpx2.AsyncClient)
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
    data = bytearray()
    try:
        async with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
            if answer.status_code == 404:
                return None
            if answer.status_code != 200:
                raise ShoalError(
                    f"{url} answered {answer.status_code}; try later, or name your own file by geo.country"
                )
            async for piece in answer.aiter_raw():
                data += unpack.decompress(piece, SIZE_LIMIT_BYTES - len(data) + 1)
                if len(data) > SIZE_LIMIT_BYTES:
                    raise ShoalError(f"{url} is larger than {SIZE_LIMIT_BYTES} bytes; it is not what it should be")
    except httpx2.HTTPError as error:
        raise ShoalError(f"{url} cannot be fetched ({error or type(error).__name__}); check the network") from error
    except zlib.error as error:
        raise ShoalError(f"{url} is not gzip data; it is not what it should be") from error
    if not unpack.eof:
        raise ShoalError(f"{url} broke off; try again")
    return bytes(data)


def _store(path: Path, data: bytes) -> Path:
    new = path.with_suffix(".new")
    new.write_bytes(data)
    try:
        with maxminddb.open_database(str(new)):
            pass
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        new.unlink()
        raise ShoalError(f"what came for {path.name} is no MMDB file; the old one stays") from error
    new.replace(path)
    return path
