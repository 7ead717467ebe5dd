"""One raw value, from a file, the environment or a flag, turned into a checked one; a wrong one into a sentence."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from shoal.config.settings import Setting
from shoal.domain.address import canonical_host
from shoal.domain.refusal import Refused
from shoal.domain.scheme import Scheme
from shoal.options import SHARED_SCHEMES


class Wrong(ValueError):
    """The value cannot stand. The text completes the sentence '<setting> (<where from>) …'."""


_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_SECRET_PART = re.compile(r"#.*|//[^/@]*@")


def from_text(setting: Setting, text: str) -> object:
    """A text of the environment as the setting's own kind. Lists are split at white space, and at commas too unless
    they hold URLs, which may contain some. Raises ``Wrong``."""
    text = text.strip()
    match setting.kind:
        case "text":
            return text
        case "list":
            return re.split(r"\s+" if setting.name == "urls" else r"[\s,]+", text) if text else []
        case "switch":
            if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
            raise _mismatch(setting, text)
        case "whole" | "number":
            try:
                return int(text) if setting.kind == "whole" else float(text)
            except ValueError:
                raise _mismatch(setting, text) from None


def checked(setting: Setting, value: object) -> object:
    """The value, of the right type and within bounds. Raises ``Wrong``."""
    match setting.kind:
        case "whole" | "number":
            return _number(setting, value)
        case "switch":
            if isinstance(value, bool):
                return value
        case "text":
            if isinstance(value, str):
                _check_item(setting, value)
                return value
        case "list":
            if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
                for item in value:
                    _check_item(setting, item)
                return tuple(value)
    raise _mismatch(setting, value)


def _number(setting: Setting, value: object) -> float:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole and not (setting.kind == "number" and isinstance(value, float) and math.isfinite(value)):
        raise _mismatch(setting, value)
    assert isinstance(value, int | float)
    if (
        (setting.above is not None and value <= setting.above)
        or (setting.least is not None and value < setting.least)
        or (setting.most is not None and value > setting.most)
    ):
        raise _mismatch(setting, value)
    return int(value) if setting.kind == "whole" else float(value)


def _mismatch(setting: Setting, value: object) -> Wrong:
    if setting.is_hidden:
        return Wrong(f"must be {setting.allowed}")
    return Wrong(f"is {shown(value)}, but must be {setting.allowed}")


def shown(value: object) -> str:
    """A value as an error message may show it: short, printable, without key, user or password."""
    text = repr(_SECRET_PART.sub("", value) if isinstance(value, str) else value)
    return text if len(text) <= 80 else text[:77] + "..."


def _check_item(setting: Setting, item: str) -> None:
    if not item.strip() or not item.isprintable():
        raise Wrong("is empty" if not item.strip() else "holds a control character")
    if rule := _RULES.get(setting.key):
        rule(item)


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Wrong(f"names {shown(text)}, which is no network; write it like 10.0.0.0/8 or fd00::/8") from None


def _network_or_name(text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        if isinstance(canonical_host(text), Refused):
            raise Wrong(f"names {shown(text)}, which is neither a network (10.0.0.0/8) nor a host name") from None


def split_listen(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``[IPV6]:PORT`` or ``:PORT`` (every address). Raises ``Wrong``."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or (":" in host and not bracketed):
        raise Wrong(f"is {shown(text)}, but must be HOST:PORT, for example 127.0.0.1:5010")
    return host or "0.0.0.0", int(port)


def _judge_url(text: str) -> None:
    parts = _split(text)
    if parts is None or parts[0] not in ("http", "https") or not parts[1]:
        raise Wrong(f"names {shown(text)}, which is no http or https URL")


def split_source(text: str) -> tuple[str, str | None]:
    """The ``SCHEME=`` before an entry of ``sources.urls`` (or nothing), and its path where it names a file."""
    claim, place = _split_claim(text)
    is_path = place and place != "-" and "://" not in place and not place.startswith("python:")
    return claim, place if is_path else None


def _split_claim(text: str) -> tuple[str, str]:
    claim, equals, place = text.partition("=")
    return (claim + equals, place.strip()) if equals and claim.lower() in set(Scheme) else ("", text.strip())


def _source(text: str) -> None:
    _, place = _split_claim(text)
    if "://" not in place:
        return
    parts = _split(place)
    if parts is None or parts[0] not in ("http", "https", "file") or not (parts[1] or parts[0] == "file"):
        raise Wrong(f"names {shown(place)}; a source is an http or https URL, or a file")


def _store_url(text: str) -> None:
    if text.partition(":")[0].lower() in SHARED_SCHEMES and "://" in text:
        return  # What is wrong with such a URL only the store's own package can say.
    if text != "memory:" and not (text.startswith("sqlite:///") and len(text) > len("sqlite:///")):
        raise Wrong(f"is {shown(text)}, but must be sqlite:///PATH, redis://HOST:PORT/DB or memory:")


def _split(text: str) -> tuple[str, str | None] | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts.scheme.lower(), parts.hostname


_RULES: Final[dict[str, Callable[[str], object]]] = {
    "judge.urls": _judge_url,
    "sources.urls": _source,
    "admission.allow": _network,
    "admission.allow_public": _network,
    "admission.deny": _network_or_name,
    "api.allow_from": _network,
    "gateway.allow_target": _network,
    "api.listen": split_listen,
    "gateway.listen": split_listen,
    "store.url": _store_url,
}
