"""Whether the gateway may listen where it should."""

from __future__ import annotations

from shoal.errors import ConfigError
from shoal.options import GatewayOptions
from shoal.policy.bind import is_loopback, parse_listen


def check_bind(options: GatewayOptions) -> None:
    """Raise ConfigError unless others can reach the gateway with a credential only: an open proxy is found in hours."""
    try:
        host, _ = parse_listen(options.listen)
    except ConfigError:
        raise ConfigError(
            f"gateway.listen must be HOST:PORT such as 127.0.0.1:5011 or [::1]:5011, not {options.listen!r}"
        ) from None
    if not is_loopback(host) and not options.users and options.users_file is None:
        raise ConfigError(
            f"anybody could use the gateway on {host} as an open proxy: set gateway.users (NAME:PASSWORD), "
            "or listen on 127.0.0.1"
        )
