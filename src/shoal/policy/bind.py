"""Where the API listens, and whether that is safe."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from shoal.errors import ConfigError
from shoal.options import ApiOptions

Network = IPv4Network | IPv6Network


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT`` or ``[IPV6]:PORT``; port 0 means any free one. Raises ConfigError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not colon or not host or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65_535):
        raise ConfigError(f"api.listen must be HOST:PORT such as 127.0.0.1:5010 or [::1]:5010, not {text!r}")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """True for localhost and loopback literals: nobody else's machine reaches such a listener."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """``api.allow_from`` as networks. Raises ConfigError that names every bad one."""
    networks: list[Network] = []
    problems = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            problems.append(f"api.allow_from: {error}; write a network such as 192.168.1.0/24")
    if problems:
        raise ConfigError(*problems)
    return tuple(networks)


def check_bind(options: ApiOptions) -> None:
    """Raise ConfigError unless the API may listen where it should: others may reach it only with a credential."""
    host, _ = parse_listen(options.listen)
    parse_networks(options.allow_from)
    if options.token is not None and (not options.token.strip() or not options.token.isascii()):
        raise ConfigError("api.token must be ASCII text and not empty")
    if not is_loopback(host) and options.token is None and not options.allow_from:
        raise ConfigError(
            f"other machines could use the API on {host} without a credential: set api.token or api.allow_from, "
            "or listen on 127.0.0.1"
        )
