"""One entry of a jhao104/proxy_pool's hash as a candidate. Whoever may write to that Redis may have written it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from shoal.domain import Candidate, Refused, Scheme
from shoal.errors import InvalidProxyError
from shoal.sources.extract.entry import parse_entry
from shoal.sources.extract.labels import country_code


class _Value(Struct):
    """What is read of a value; the rest is what its own checks thought."""

    proxy: str
    region: str | None = None


_decoder = msgspec.json.Decoder(_Value)


def read_hash_entry(field: bytes, value: bytes) -> Candidate | Refused:
    """The proxy that a value names, an http one where it says no scheme: proxy_pool has no others.

    A value that is no JSON object stands for its field, as older pools wrote them.
    """
    try:
        found = _decoder.decode(value)
        text, region = found.proxy, found.region
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        try:
            text, region = field.decode("ascii"), None
        except UnicodeError:
            return Refused.MALFORMED
    try:
        candidate = parse_entry(text, Scheme.HTTP)
    except InvalidProxyError as error:
        return Refused(error.reason)
    country = country_code(region) if region else None
    if country is None:
        return candidate
    return msgspec.structs.replace(candidate, country=candidate.country or country)


def read_hash(entries: Iterable[tuple[bytes, bytes]], refused: dict[str, int], seen: set[str]) -> list[Candidate]:
    """The candidates of a page; what is none is counted by reason. ``seen`` holds what was read before."""
    found = []
    for field, value in entries:
        one = read_hash_entry(field, value)
        why = one.value if isinstance(one, Refused) else None
        if isinstance(one, Candidate):
            name = f"{one.scheme} {one.credentials} {one.endpoint}"
            if name in seen:
                why = Refused.DUPLICATE.value
            else:
                seen.add(name)
                found.append(one)
        if why is not None:
            refused[why] = refused.get(why, 0) + 1
    return found
