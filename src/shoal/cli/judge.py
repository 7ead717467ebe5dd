"""``shoal judge``: the echo service that checks need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from shoal.cli.exits import OK

if TYPE_CHECKING:
    import asyncio
    import ssl


@click.command()
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:5012", show_default=True, help="Where to listen.")
@click.option("--key", metavar="K", help="Key with which answers are signed; better given by --key-file.")
@click.option("--key-file", metavar="F", help="File that holds the key.")
@click.option("--tls-cert", metavar="F", help="Certificate (PEM), to answer over https; needs --tls-key.")
@click.option("--tls-key", metavar="F", help="The certificate's private key (PEM).")
def judge(listen: str, key: str | None, key_file: str | None, tls_cert: str | None, tls_key: str | None) -> int:
    """Run a judge: it answers what reached it, so that a checker elsewhere can tell what a proxy did.

    Put it on a machine that the proxies can reach, and give its URL to `shoal up --judge http://HOST:PORT/#key=K`.
    """
    from shoal.cli.running import run_until_stopped
    from shoal.config.values import Wrong, split_listen
    from shoal.errors import ConfigError

    try:
        host, port = split_listen(listen)
    except Wrong as wrong:
        raise ConfigError(f"--listen {wrong}") from None
    secret, context = read_key(key, key_file), tls_context(tls_cert, tls_key)
    return run_until_stopped(lambda stop: _judge(host, port, secret, context, stop))


async def _judge(host: str, port: int, key: bytes | None, context: ssl.SSLContext | None, stop: asyncio.Event) -> int:
    import asyncio

    from shoal.judge.server import serve_judge
    from shoal.net.accepting import BurstAcceptor

    accepting = BurstAcceptor(asyncio.get_running_loop(), context)
    handle = await serve_judge(host, port, key=key, ssl=context, accepting=accepting)
    try:
        shown = f"[{host}]" if ":" in host else host
        url = f"{'https' if context else 'http'}://{shown}:{handle.port}/"
        click.echo(f"judge at {url}" + ("" if key else " without a key: its answers are not signed"))
        click.echo(f"try it: curl {url}check/")
        await stop.wait()
    finally:
        await handle.close()
    return OK


def read_key(key: str | None, key_file: str | None) -> bytes | None:
    """The key from a flag or a file. Raises ``ConfigError``."""
    from pathlib import Path

    from shoal.errors import ConfigError

    if key and key_file:
        raise ConfigError("--key and --key-file are both given; keep one of them")
    if key_file:
        try:
            key = Path(key_file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"--key-file {key_file} cannot be read") from error
        if not key:
            raise ConfigError(f"--key-file {key_file} is empty")
    return key.encode() if key else None


def tls_context(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    """The server's TLS settings, None without a certificate. Raises ``ConfigError``."""
    import ssl

    from shoal.errors import ConfigError

    if not cert and not key:
        return None
    if not cert or not key:
        raise ConfigError("--tls-cert and --tls-key belong together; give both")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"--tls-cert {cert} and --tls-key {key} cannot be used: {error}") from error
    return context
