"""Supplies: where proxies come from. The pool's API, the gateway, a plain list, or one given proxy."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from shoal_client._api import API, problem
from shoal_client._proxy import Proxy, parse_proxy
from shoal_client._reporter import Reporter
from shoal_client.errors import Failure, NoProxyError, PoolError

DEFAULT_SCHEMES = ("http", "socks5", "socks4a")
"""Not https, whose proxies mostly show certificates that cannot be checked; not socks4, which resolves names here."""
_EXCLUDE_LIMIT = 20
_COOL_DOWN = 10.0
_COOL_DOWN_LIMIT = 600.0


@dataclass(frozen=True)
class Need:
    """What one request needs. ``target`` is ``host:port``; ``both``: for http and https targets alike."""

    target: str
    tls: bool
    own: bool = False
    both: bool = False
    exclude: frozenset[str] = frozenset()

    def is_met_by(self, proxy: Proxy) -> bool:
        if self.own and not proxy.own:
            return False
        if self.both:
            return proxy.carries(tls=True) and proxy.carries(tls=False)
        return proxy.carries(tls=self.tls)


class Supply(Protocol):
    """Thread-safe. ``pick`` and ``hold`` raise NoProxyError when there is none, PoolError when nobody answers."""

    def pick(self, need: Need) -> Proxy: ...

    def hold(self, need: Need, key: str, seconds: float, *, exclusive: bool = False, strict: bool = False) -> Proxy:
        """A proxy for a session (``key``) or, exclusively, for one request."""
        ...

    def report(self, proxy: Proxy, failure: Failure | None, latency: float | None, target: str) -> None:
        """What was seen; never blocks."""
        ...

    def release(self, proxy: Proxy) -> None:
        """End what ``hold`` gave."""
        ...

    def close(self) -> None: ...


def _texts(filters: Mapping[str, Any]) -> dict[str, str]:
    """Filters as the API spells them: lists with commas."""
    told = {}
    for name, value in filters.items():
        if isinstance(value, list | tuple | set | frozenset):
            value = ",".join(map(str, value))
        told[name] = str(value)
    return told


class PoolSupply:
    """The pool's API. ``filters`` are those of ``/v1/proxies/pick``."""

    def __init__(
        self,
        api: API,
        filters: Mapping[str, Any] | None = None,
        *,
        feedback: bool = True,
        schemes: tuple[str, ...] = DEFAULT_SCHEMES,
    ) -> None:
        self.api = api
        self._filters = _texts(filters or {})
        self._schemes = schemes
        self.reporter = Reporter(api)
        self._feedback = feedback
        self._compat = False
        self._leases = True

    def pick(self, need: Need) -> Proxy:
        return self._find(need, None)

    def hold(self, need: Need, key: str, seconds: float, *, exclusive: bool = False, strict: bool = False) -> Proxy:
        if self._leases:
            return self._find(need, {"seconds": seconds, "exclusive": exclusive})
        if exclusive:
            raise PoolError("this pool knows no leases, so it cannot keep a proxy for one user", reason="no_leases")
        return self._find(need, None)

    def report(self, proxy: Proxy, failure: Failure | None, latency: float | None, target: str) -> None:
        if not self._feedback or self._compat:
            return
        body: dict[str, Any] = {"ok": failure is None, "scheme": proxy.scheme.replace("socks5h", "socks5")}
        body |= {"id": proxy.id} if proxy.id else {"proxy": proxy.url}
        if re.fullmatch(r"[A-Za-z0-9._:\[\]-]{1,260}", target):
            body["target"] = target
        if failure is not None:
            body["failure"] = {"stage": failure.stage, "reason": failure.reason, "detail": failure.detail[:200]}
        elif latency is not None:
            body["latency_ms"] = round(latency * 1000.0, 1)
        self.reporter.put("POST", "/v1/feedback", body)

    def release(self, proxy: Proxy) -> None:
        if proxy.lease:
            self.reporter.put("DELETE", f"/v1/leases/{proxy.lease}")

    def close(self) -> None:
        self.reporter.flush(1.0)

    def _find(self, need: Need, lease: dict[str, Any] | None) -> Proxy:
        """The pool filters by what all of several capabilities have; a SOCKS proxy needs none of them to carry http.

        So the first question leaves them out for http, and only when the answer does not fit is it asked narrower.
        """
        asked = self._query(need)
        wide = dict(asked)
        if need.tls or need.both:
            wide.setdefault("capability", "tunnel")
        proxy = self._ask(wide, need, lease)
        if proxy is not None and need.is_met_by(proxy):
            return proxy
        if proxy is not None:
            self.release(proxy)
            named = asked.get("scheme", "").split(",")
            wanted = "tunnel,forward" if need.both else "tunnel" if need.tls else "forward"
            for narrow in (("http", wanted), ("socks5,socks4a,socks4", "tunnel")):
                schemes = ",".join(scheme for scheme in narrow[0].split(",") if scheme in named)
                if not schemes:
                    continue
                proxy = self._ask({**asked, "scheme": schemes, "capability": narrow[1]}, need, lease)
                if proxy is not None and need.is_met_by(proxy):
                    return proxy
                if proxy is not None:
                    self.release(proxy)
        kind = " of your own" if need.own else ""
        raise NoProxyError(
            f"the pool has no proxy{kind} for {'https' if need.tls else 'http'}://{need.target} that fits these filters"
            f"{' and was not tried yet' if need.exclude else ''}",
            reason="no_proxy",
        )

    def _query(self, need: Need) -> dict[str, str]:
        query = {"scheme": ",".join(self._schemes), **self._filters}
        if need.own:
            query["trust"] = "own"
        if re.fullmatch(r"[A-Za-z0-9._:\[\]-]{1,260}", need.target):
            query.setdefault("target", need.target)
        exclude = [name for name in (query.get("exclude"), *sorted(need.exclude)) if name]
        if exclude:
            query["exclude"] = ",".join(exclude[:_EXCLUDE_LIMIT])
        return query

    def _ask(self, query: dict[str, str], need: Need, lease: dict[str, Any] | None) -> Proxy | None:
        if self._compat:
            return self._ask_compat(need)
        if lease is not None:
            status, answer = self.api.call("POST", "/v1/leases", body={**query, **lease, "credentials": True})
        else:
            status, answer = self.api.call("GET", "/v1/proxies/pick", {**query, "credentials": "1"})
        if status in (200, 201) and isinstance(answer, dict) and isinstance(answer.get("proxy"), str):
            return _from_answer(answer, leased=lease is not None)
        if status == 404 and isinstance(answer, dict) and answer.get("code") == "no_proxy":
            return None
        if status in (404, 405) and lease is not None:
            self._leases = False
            if lease["exclusive"]:
                raise PoolError("this pool knows no leases, so it cannot keep a proxy for one user", reason="no_leases")
            return self._ask(query, need, None)
        if status == 404:
            self._compat = True
            return self._ask_compat(need)
        raise problem(status, answer)

    def _ask_compat(self, need: Need) -> Proxy | None:
        """``/get/`` of jhao104/proxy_pool and what is compatible with it: no filters, no feedback."""
        if need.own:
            return None
        status, answer = self.api.call("GET", "/get/", {"type": "https"} if need.tls or need.both else None)
        if status != 200 or not isinstance(answer, dict):
            raise problem(status, answer)
        told = answer.get("proxy")
        if not isinstance(told, str) or not told:
            return None
        proxy = parse_proxy(told)
        return None if proxy.address in need.exclude else proxy


def _from_answer(answer: dict[str, Any], *, leased: bool) -> Proxy:
    proxy = parse_proxy(answer["proxy"], own=answer.get("trust") == "own")
    id = answer.get("proxy_id" if leased else "id")
    capabilities = frozenset(map(str, answer.get("capabilities") or ()))
    lease = answer.get("id") if leased else None
    return replace(proxy, id=id, lease=lease, capabilities=capabilities)


class GatewaySupply:
    """The gateway: one address with many proxies behind it. ``filters`` become parameters in the user name."""

    def __init__(self, url: str, filters: Mapping[str, Any] | None = None, *, lifetime: float | None = None) -> None:
        self._proxy = parse_proxy(url, own=True)
        parts = urlsplit(self._proxy.url)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._filters = _texts(filters or {})
        self._lifetime = lifetime
        self._own = self._filters.get("trust") == "own"
        self._numbers = itertools.count(1)

    def pick(self, need: Need) -> Proxy:
        # A kept tunnel would be the same proxy again: the number makes each request a connection of its own.
        return self._named({}, need, f"#{next(self._numbers)}", once=True)

    def hold(self, need: Need, key: str, seconds: float, *, exclusive: bool = False, strict: bool = False) -> Proxy:
        if exclusive:
            raise ValueError("the gateway shares its proxies: exclusive needs the pool's API")
        return self._named(session_params(key, seconds, strict=strict), need, "", once=False)

    def _named(self, more: Mapping[str, str], need: Need, mark: str, *, once: bool) -> Proxy:
        params = {**self._filters, **more, **({"trust": "own"} if need.own else {})}
        user = gateway_user(self._user, params)
        userinfo = f"{quote(user, safe='')}:{quote(self._password, safe='')}@" if user or self._password else ""
        url = f"{self._proxy.scheme}://{userinfo}{self._proxy.address}{mark}"
        return Proxy(url, own=self._own or need.own, gateway=True, once=once)

    def report(self, proxy: Proxy, failure: Failure | None, latency: float | None, target: str) -> None:
        """The gateway reports itself."""

    def release(self, proxy: Proxy) -> None:
        """The gateway forgets sessions by itself."""

    def close(self) -> None:
        """Nothing is held."""


def session_params(key: str, seconds: float | None, *, strict: bool) -> dict[str, str]:
    """A session as parameters of the gateway; keys that it would refuse are hashed."""
    if re.fullmatch(r"[A-Za-z0-9_.]{1,64}", key) is None:
        key = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    params = {"session": key}
    if seconds is not None:
        params["lifetime"] = f"{max(1, round(seconds))}s"
    if strict:
        params["strict"] = "1"
    return params


def gateway_user(user: str, params: Mapping[str, str]) -> str:
    """``user-key-value-key-value``. Raises ValueError beyond what SOCKS5 can carry."""
    words = "".join(f"-{name}-{value}" for name, value in params.items())
    name = (user or ("shoal" if words else "")) + words
    if len(name.encode()) > 255:
        raise ValueError("all filters together are too long for a user name: 255 bytes is what SOCKS5 can carry")
    return name


class ListSupply:
    """A plain list of proxies, chosen by chance; what fails rests for a while, longer each time."""

    def __init__(
        self, proxies: Iterable[str | Proxy], *, own: bool = False, schemes: tuple[str, ...] | None = None
    ) -> None:
        parsed = [proxy if isinstance(proxy, Proxy) else parse_proxy(proxy, own=own) for proxy in proxies]
        if schemes is not None:
            parsed = [proxy for proxy in parsed if proxy.scheme.replace("socks5h", "socks5") in schemes]
        self._proxies = list({proxy.url: proxy for proxy in parsed}.values())
        if not self._proxies:
            raise ValueError("the list of proxies is empty")
        self._resting: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()
        self._random = random.Random()

    def pick(self, need: Need) -> Proxy:
        now = time.monotonic()
        with self._lock:
            left = [p for p in self._proxies if need.is_met_by(p) and p.address not in need.exclude]
            rested = [p for p in left if self._resting.get(p.url, (0.0, 0))[0] <= now]
            # When all rest, the one that has rested longest is worth a try.
            if not rested and left:
                rested = [min(left, key=lambda p: self._resting[p.url][0])]
            if rested:
                return self._random.choice(rested)
        kind = "is not your own" if need.own else "was tried already"
        raise NoProxyError(f"no proxy of the list is left for {need.target}: every one {kind}", reason="no_proxy")

    def hold(self, need: Need, key: str, seconds: float, *, exclusive: bool = False, strict: bool = False) -> Proxy:
        if exclusive:
            raise ValueError("a plain list knows nothing of other users: exclusive needs the pool's API")
        return self.pick(need)

    def report(self, proxy: Proxy, failure: Failure | None, latency: float | None, target: str) -> None:
        with self._lock:
            if failure is None:
                self._resting.pop(proxy.url, None)
            else:
                times = self._resting.get(proxy.url, (0.0, 0))[1]
                rest = min(_COOL_DOWN_LIMIT, _COOL_DOWN * 2**times)
                self._resting[proxy.url] = (time.monotonic() + rest, min(times + 1, 16))

    def release(self, proxy: Proxy) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""
