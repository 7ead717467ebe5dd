"""Lines in which other programs are told of a proxy: proxychains, 3proxy and Squid."""

from __future__ import annotations

from shoal.domain import Credentials, Scheme
from shoal.sources.extract.entry import Reading, build, is_host, port_number
from shoal.sources.extract.labels import SCHEMES, scheme_words


def settings_line(words: list[str], scheme: Scheme | None, line: str) -> Reading:
    """The proxy that the words of such a line name; None where it is none."""
    if words[0] == "parent" and len(words) > 4 and words[1].isdigit() and is_host(words[3]):
        # 3proxy: parent WEIGHT TYPE HOST PORT [USER PASSWORD]
        return _typed(words[2:7], scheme, line)
    if words[0] == "cache_peer" and len(words) > 3 and is_host(words[1]):
        return _cache_peer(words, scheme)
    if words[0].lower() in SCHEMES and is_host(words[1]) and port_number(words[2]):
        return _typed(words, scheme, line)
    return None


def _typed(words: list[str], scheme: Scheme | None, line: str) -> Reading:
    """``socks5 host port [user password]``, as proxychains is configured."""
    labels = scheme_words(words[0])
    secret = Credentials(words[3], words[4]) if len(words) == 5 and not words[3].startswith("#") else None
    return build(words[1], words[2], scheme=labels[0] if labels else scheme, credentials=secret, text=line)


def _cache_peer(words: list[str], scheme: Scheme | None) -> Reading:
    """``cache_peer HOST parent PORT ... login=user:password``, as Squid is told of the proxies behind it."""
    login = next((word[6:] for word in words[4:] if word.startswith("login=") and ":" in word), "")
    user, _, password = login.partition(":")
    secret = Credentials(user, password) if user else None
    return build(words[1], words[3], scheme=scheme or Scheme.HTTP, credentials=secret)
