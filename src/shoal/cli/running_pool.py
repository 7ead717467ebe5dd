"""Asking the pool that runs on this machine (or another one) over its API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from email.message import Message
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from shoal.errors import ConfigError, InvalidQueryError, NoProxyError, ShoalError

if TYPE_CHECKING:
    from shoal.options import Options

_TIMEOUT: Final = 10.0
_ANSWER_LIMIT_BYTES: Final = 268_435_456


def ask(
    options: Options, path: str, wanted: Iterable[tuple[str, str]], *, credentials: bool, is_list: bool = True
) -> Any:
    """The decoded answer, or None when nothing listens there. ``is_list``: what is asked takes the form of lists.

    Raises ``NoProxyError``, ``InvalidQueryError``, ``ConfigError`` (token) or ``ShoalError`` with the pool's own words.
    """
    pairs = [*wanted, *([("format", "json")] if is_list else []), *([("credentials", "1")] if credentials else [])]
    answer = send(options, "GET", f"{path}?{urlencode(pairs)}")
    return None if answer is None else answer[0]


def send(options: Options, method: str, path: str, body: Any = None) -> tuple[Any, Message] | None:
    """The decoded answer (None for an empty one) and its fields, or None when nothing listens there.

    Raises as ``ask`` does.
    """
    request = urllib.request.Request(f"{base_url(options)}{path}", method=method)  # noqa: S310 - always http
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if options.api.token:
        request.add_header("Authorization", f"Bearer {options.api.token}")
    # The user's own http_proxy must not stand between us and our pool.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            text = answer.read(_ANSWER_LIMIT_BYTES)
            return (None if answer.status == 204 else _decoded(text, options)), answer.headers
    except urllib.error.HTTPError as error:
        raise _refusal(error, options) from error
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def base_url(options: Options) -> str:
    """Where to ask: a pool that listens on every address is asked on loopback."""
    from shoal.config.values import split_listen

    host, port = split_listen(options.api.listen)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _decoded(body: bytes, options: Options) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise _not_ours(options) from None


def _refusal(error: urllib.error.HTTPError, options: Options) -> ShoalError:
    try:
        problem = json.loads(error.read(65_536))
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError, TypeError, OSError):
        return _not_ours(options)
    if error.code in (401, 403):
        return ConfigError(f"the pool at {base_url(options)} wants its token: set SHOAL_API_TOKEN ({detail})")
    if code == "no_proxy":
        return NoProxyError(detail)
    if error.code == 400:
        return InvalidQueryError(str(problem.get("field") or ""), detail)
    return ShoalError(f"the pool at {base_url(options)} answers: {detail}")


def _not_ours(options: Options) -> ShoalError:
    return ConfigError(f"what listens on {options.api.listen} is not Shoal; name its address with --api HOST:PORT")
