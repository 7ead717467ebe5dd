"""The pool's HTTP API, as much of it as a client needs. Thread-safe."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import urllib3

from shoal_client.errors import PoolError

DEFAULT_URL = "http://127.0.0.1:5010"
_TIMEOUT = urllib3.Timeout(connect=3.0, read=10.0)


class API:
    """``url`` may carry the token: ``http://:TOKEN@host:5010``. ``SHOAL_URL`` and ``SHOAL_TOKEN`` are the defaults."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        parts = urlsplit(url or os.environ.get("SHOAL_URL") or DEFAULT_URL)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the pool's address is a URL such as http://127.0.0.1:5010")
        self.url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self._headers = {"Accept": "application/json", "User-Agent": "shoal-client"}
        token = token or os.environ.get("SHOAL_TOKEN")
        if token is None and parts.password is not None:
            token = unquote(parts.password)
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
            user = f"{unquote(parts.username or '')}:{token}".encode()
            if not token.isascii():
                self._headers["Authorization"] = f"Basic {base64.b64encode(user).decode()}"
        # One more try for a kept connection that the server closed meanwhile.
        retries = urllib3.Retry(1, redirect=0, status=0, allowed_methods=None, raise_on_status=False)
        self._http = urllib3.PoolManager(4, maxsize=16, timeout=_TIMEOUT, retries=retries)

    def call(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Status and decoded JSON (None when there is none). Raises PoolError when the pool cannot be asked."""
        url = self.url + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers if data is None else {**self._headers, "Content-Type": "application/json"}
        try:
            response = self._http.request(method, url, body=data, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise PoolError(
                f"the pool at {self.url} cannot be asked ({type(error).__name__}): is `shoal up` running, and is this "
                f"its address?",
                reason="pool_unreachable",
            ) from error
        try:
            return response.status, json.loads(response.data) if response.data else None
        except ValueError:
            return response.status, None

    def close(self) -> None:
        self._http.clear()


def problem(status: int, answer: Any) -> PoolError:
    """An answer that is no proxy, as an error that says what the pool said."""
    told = answer.get("detail") if isinstance(answer, dict) else None
    code = answer.get("code") if isinstance(answer, dict) else None
    return PoolError(f"the pool answered {status}: {told or 'nothing that explains it'}", reason=str(code or status))
