"""For Playwright: ``browser.new_context(proxy=proxy_settings(gateway="http://user:password@127.0.0.1:5011"))``.

Nothing of Playwright is imported: it takes a plain dict. Chromium cannot log in to a SOCKS5 proxy, so proxies with a
password are asked for as HTTP ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from shoal_client._api import API
from shoal_client._proxy import Proxy, parse_proxy
from shoal_client._supply import GatewaySupply, Need, PoolSupply

__all__ = ["ProxySettings", "proxy_settings", "settings_of"]


class ProxySettings(TypedDict):
    """What ``launch`` and ``new_context`` take as ``proxy``."""

    server: str
    username: NotRequired[str]
    password: NotRequired[str]
    bypass: NotRequired[str]


def proxy_settings(
    pool: str | None = None,
    *,
    token: str | None = None,
    gateway: str | None = None,
    filters: Mapping[str, Any] | None = None,
    session: str | None = None,
    lifetime: float = 600.0,
    strict: bool = False,
    target: str = "example.com:443",
    bypass: str | None = None,
) -> ProxySettings:
    """Settings of one browser or context.

    Through ``gateway`` every connection gets a proxy of its own, with ``session`` all the same one. Through the pool
    it is one proxy picked now, good for ``target``. Raises NoProxyError, PoolError, ValueError.
    """
    need = Need(target, tls=True, both=True)
    if gateway is not None:
        supply = GatewaySupply(gateway, filters)
        proxy = supply.pick(need) if session is None else supply.hold(need, session, lifetime, strict=strict)
    else:
        api = API(pool, token)
        try:
            proxy = PoolSupply(api, filters, schemes=("http",)).pick(need)
        finally:
            api.close()
    return settings_of(proxy, bypass=bypass)


def settings_of(proxy: str | Proxy, *, bypass: str | None = None) -> ProxySettings:
    """Settings from a proxy's URL. Raises ValueError for a SOCKS proxy with a password."""
    proxy = parse_proxy(proxy) if isinstance(proxy, str) else proxy
    login = proxy.credentials
    if login is not None and proxy.scheme.startswith("socks"):
        raise ValueError("browsers cannot log in to a SOCKS proxy: use the gateway as http://, or an HTTP proxy")
    settings: ProxySettings = {"server": f"{proxy.scheme.replace('socks5h', 'socks5')}://{proxy.address}"}
    if login is not None:
        settings["username"], settings["password"] = login
    if bypass is not None:
        settings["bypass"] = bypass
    return settings
