"""A pool that runs, asked over its API."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from shoal.config.values import split_listen
from shoal.domain import Candidate, Trust, proxy_url
from shoal.errors import ConfigError, ShoalError

_TIMEOUT = 120.0
"""An import is on disk before it is answered."""
_ANSWER_LIMIT_BYTES = 1_048_576


class PoolApi:
    """``where`` is HOST:PORT, or the URL of a pool elsewhere."""

    def __init__(self, where: str, token: str | None) -> None:
        """Raises ``ConfigError``."""
        if "://" in where:
            parts = urlsplit(where)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ConfigError("--api takes HOST:PORT or a URL such as https://pool.example:5010")
            self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
            token = token or parts.password
        else:
            host, port = split_listen(where)
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._token = token

    async def is_there(self) -> bool:
        """Whether anything answers there. Raises ``ConfigError`` when that is no pool."""
        try:
            told = await self._ask("GET", "/healthz")
        except ConnectionError:
            return False
        if told != {"status": "ok"}:
            raise self._not_ours()
        return True

    async def admit(
        self, candidates: Sequence[Candidate], trust: Trust, tags: tuple[str, ...]
    ) -> tuple[int, int, Mapping[str, int]]:
        """Import them: new, known, and refused by reason. Raises ``ShoalError``."""
        query = urlencode([("trust", trust.value), *(("tag", tag) for tag in tags)])
        try:
            told = await self._ask("POST", f"/v1/proxies?{query}", "\n".join(map(_line, candidates)).encode())
        except ConnectionError as error:
            raise ShoalError(f"the pool at {self.url} does not answer any more; import again when it does") from error
        try:
            return int(told["new"]), int(told["known"]), {str(why): int(n) for why, n in told["refused"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._not_ours() from None

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        return await asyncio.to_thread(self._send, method, path, body)

    def _send(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(self.url + path, body, method=method)  # noqa: S310 - http or https
        request.add_header("Content-Type", "text/plain; charset=utf-8")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        # The user's own http_proxy must not stand between us and our pool.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_TIMEOUT) as answer:
                return json.loads(answer.read(_ANSWER_LIMIT_BYTES))
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except ValueError:
            raise self._not_ours() from None
        except (urllib.error.URLError, OSError) as error:
            raise ConnectionError(str(error)) from error

    def _refusal(self, error: urllib.error.HTTPError) -> ShoalError:
        try:
            detail = str(json.loads(error.read(65_536))["detail"])
        except (ValueError, KeyError, TypeError, OSError):
            return self._not_ours()
        if error.code in (401, 403):
            return ConfigError(f"the pool at {self.url} wants another token: --token, or SHOAL_API_TOKEN ({detail})")
        return ShoalError(f"the pool at {self.url} answers: {detail}")

    def _not_ours(self) -> ConfigError:
        return ConfigError(f"what listens at {self.url} is not Shoal; name the pool's address with --api")


def _line(candidate: Candidate) -> str:
    if candidate.scheme is not None:
        return proxy_url(candidate.scheme, candidate.endpoint, candidate.credentials, secrets=True)
    user = f"{candidate.credentials.userinfo}@" if candidate.credentials else ""
    return f"{user}{candidate.endpoint}"
