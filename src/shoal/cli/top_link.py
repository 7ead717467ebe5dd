"""What `shoal top` asks a pool: its stats again and again, and its events as they come."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol

from shoal.errors import ConfigError, ShoalError

_TIMEOUT: Final = 5.0
_ANSWER_LIMIT_BYTES: Final = 16_777_216
_LINE_LIMIT_BYTES: Final = 1_048_576
_KEPT: Final = 100
_BORING: Final = ("stats", "reset")


class Clock(Protocol):
    """Any clock in seconds that never goes back."""

    def __call__(self) -> float: ...


class Link:
    """One pool's API. ``events`` holds the newest (kind, data) last."""

    def __init__(self, base: str, token: str | None) -> None:
        self.base = base.rstrip("/")
        self._token = token
        # The user's own http_proxy must not stand between us and our pool.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.events: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=_KEPT)
        self._stream: http.client.HTTPResponse | None = None

    def get(self, path: str) -> Any:
        """The decoded answer, None where nobody answers. Raises ``ConfigError`` for a token that is missing or wrong,
        or for what is no Shoal, and ``ShoalError`` with the pool's own words."""
        try:
            with self._open(path, _TIMEOUT) as answer:
                return json.loads(answer.read(_ANSWER_LIMIT_BYTES))
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
            return None
        except ValueError:
            raise ConfigError(f"what answers at {self.base} is not Shoal; name its address with --api URL") from None

    def follow(self) -> None:
        """Take up the events in a thread of its own, which ends with ``close`` or with the pool."""
        threading.Thread(target=self._follow, name="events", daemon=True).start()

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.close()

    def _follow(self) -> None:
        kind = ""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            # Events come with a comment every 15 seconds at least.
            self._stream = stream = self._open("/v1/events", 60.0)
            while line := stream.readline(_LINE_LIMIT_BYTES):
                name, _, text = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
                if name == "event":
                    kind = text
                elif name == "data" and kind not in _BORING:
                    self.events.append((kind, json.loads(text)))

    def _open(self, path: str, timeout: float) -> Any:
        request = urllib.request.Request(f"{self.base}{path}", headers={"Accept": "application/json"})  # noqa: S310
        if path == "/v1/events":
            request.add_header("Accept", "text/event-stream")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        return self._opener.open(request, timeout=timeout)

    def _refusal(self, error: urllib.error.HTTPError) -> ShoalError:
        try:
            detail = str(json.loads(error.read(65_536))["detail"])
        except (ValueError, KeyError, TypeError, OSError):
            return ConfigError(f"what answers at {self.base} is not Shoal; name its address with --api URL")
        if error.code in (401, 403):
            return ConfigError(f"the pool at {self.base} wants its token: set SHOAL_API_TOKEN or --token ({detail})")
        return ShoalError(f"the pool at {self.base} answers: {detail}")


class Rates:
    """Growth a second of the totals that stats hold, between two looks. A restart of the pool begins anew."""

    _TOTALS: Final = {
        "checks": ("checked_total",),
        "picks": ("picks_total",),
        "uses": ("uses_total",),
        "requests": ("gateway", "requests"),
        "bytes_up": ("gateway", "bytes_up"),
        "bytes_down": ("gateway", "bytes_down"),
    }

    def __init__(self) -> None:
        self._before: tuple[float, dict[str, float]] | None = None
        self.now: dict[str, float] = dict.fromkeys(self._TOTALS, 0.0)

    def note(self, stats: Mapping[str, Any], at: float) -> None:
        totals = {name: _at(stats, path) for name, path in self._TOTALS.items()}
        if self._before is not None and at > self._before[0]:
            then, before = self._before
            self.now = {name: max(0.0, (value - before[name]) / (at - then)) for name, value in totals.items()}
        self._before = (at, totals)


def _at(stats: Mapping[str, Any], path: tuple[str, ...]) -> float:
    value: Any = stats
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value or 0)
