"""A proxy as jhao104/proxy_pool writes it: in its API's answers, and as the values of its hash."""

from __future__ import annotations

import json
import time
from typing import Any

from shoal.domain import Anonymity, Capability, Pick


def proxy_pool_name(pick: Pick) -> str:
    """``host:port``, or ``user:password@host:port``: what scripts put behind ``http://``, and the field in the hash."""
    record = pick.record
    return f"{record.credentials.userinfo}@{record.endpoint}" if record.credentials else str(record.endpoint)


def proxy_pool_object(pick: Pick) -> dict[str, Any]:
    """The nine keys. ``proxy`` carries user and password where it needs them: those are the user's own proxies."""
    record, path = pick.record, pick.path
    return {
        "proxy": proxy_pool_name(pick),
        "https": Capability.TUNNEL in path.capabilities,
        "fail_count": record.misses,
        "region": path.country or record.country or "",
        "anonymous": "" if path.anonymity is Anonymity.UNKNOWN else path.anonymity.value,
        "source": "/".join(record.sources),
        "check_count": record.checks,
        "last_status": path.health.last_ok >= path.health.last_bad,
        "last_time": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.last_check)) if record.last_check else "",
    }


def proxy_pool_entry(pick: Pick) -> tuple[bytes, bytes]:
    """Field and value in the hash, to the letter: its keys in its order, nothing escaped."""
    value = json.dumps(proxy_pool_object(pick), ensure_ascii=False)
    return proxy_pool_name(pick).encode(), value.encode("utf-8", "replace")
