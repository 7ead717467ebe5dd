"""Times in JSON: RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


def rfc3339(at: float) -> str | None:
    """Epoch seconds as UTC with milliseconds, None for 0 (never)."""
    if at <= 0.0:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
