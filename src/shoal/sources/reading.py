"""Extraction as sources call it: without holding the loop up."""

from __future__ import annotations

import asyncio
from functools import partial

from shoal.domain import Scheme
from shoal.sources.extract import Extraction, extract

_INLINE_BYTES = 200_000
"""Longer documents are read in a thread, so that the loop goes on answering: a million lines take seconds."""


async def read_document(
    data: bytes, *, scheme: Scheme | None, content_type: str, name: str, line_limit_bytes: int
) -> Extraction:
    """What ``extract`` finds in a document of any size."""
    run = partial(extract, data, scheme=scheme, content_type=content_type, name=name, line_limit_bytes=line_limit_bytes)
    return run() if len(data) <= _INLINE_BYTES else await asyncio.to_thread(run)
