"""MMDB files, read in place."""

from __future__ import annotations

import datetime
import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import maxminddb
from msgspec import Struct
from msgspec.structs import replace

from shoal.errors import ConfigError
from shoal.ports.geo import Place

COUNTRY_FILE: Final = "country.mmdb"
ASN_FILE: Final = "asn.mmdb"
"""Names that ``update`` gives them in the data folder."""

_CACHE: Final = 16_384
"""Addresses remembered: exits of a large pool."""


class DatabaseInfo(Struct, frozen=True):
    """One database as a person wants to know it. ``built_at`` is in epoch seconds."""

    holds: str
    path: str
    is_named: bool
    """The settings name it; else ``update`` left it in the data folder."""
    kind: str = ""
    built_at: float = 0.0
    networks: int = 0
    """Nodes of its search tree: how fine it is."""
    error: str | None = None


def databases(country: str | None, asn: str | None, folder: Path) -> list[DatabaseInfo]:
    """What ``open_geo`` would use; one that cannot be read has an ``error``."""
    found = []
    for holds, named, name in (("country", country, COUNTRY_FILE), ("asn", asn, ASN_FILE)):
        path = Path(named) if named is not None else folder / name
        if named is None and not _is_there(path):
            continue
        info = DatabaseInfo(holds, str(path), named is not None)
        try:
            with _open(path, f"geo.{holds}") as reader:
                about = reader.metadata()
                built = float(about.build_epoch)
                info = replace(info, kind=about.database_type, built_at=built, networks=about.node_count)
        except ConfigError as error:
            info = replace(info, error=str(error))
        found.append(info)
    return found


class GeoDatabases:
    """Implements ``ports.Geo`` over a country database, a network (ASN) database, or both."""

    def __init__(self, country: Path | None = None, asn: Path | None = None) -> None:
        """Raises ``ConfigError`` when a file is missing or is no MMDB file."""
        self._country = None if country is None else _open(country, "geo.country")
        self._asn = None if asn is None else _open(asn, "geo.asn")
        self._origin = " + ".join(_origin(one) for one in (self._country, self._asn) if one is not None)
        self.locate = lru_cache(_CACHE)(self._locate)

    def _locate(self, address: str) -> Place | None:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return None
        country = _country_of(_get(self._country, parsed))
        asn = _asn_of(_get(self._asn, parsed))
        return None if country is None and asn is None else Place(country, asn, self._origin)

    def close(self) -> None:
        for reader in (self._country, self._asn):
            if reader is not None:
                reader.close()


def open_geo(country: str | None, asn: str | None, folder: Path) -> GeoDatabases | None:
    """The files that the settings name, else those that ``update`` left in the folder; None where there are none.

    Raises ``ConfigError`` for a file that is named and cannot be read.
    """
    paths = [
        Path(named) if named is not None else found if _is_there(found := folder / name) else None
        for named, name in ((country, COUNTRY_FILE), (asn, ASN_FILE))
    ]
    return GeoDatabases(*paths) if any(paths) else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A data folder that this user may not read: whoever locks it says so, and what to do.
        return False


def _open(path: Path, setting: str) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(str(path))
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        why = getattr(error, "strerror", None) or "it is no MMDB file"
        raise ConfigError(f"{setting}: {path} cannot be read ({why}); name a file in MaxMind's DB format") from error


def _origin(reader: maxminddb.Reader) -> str:
    metadata = reader.metadata()
    month = datetime.datetime.fromtimestamp(metadata.build_epoch, datetime.UTC).strftime("%Y-%m")
    return f"{metadata.database_type} {month}"


def _get(reader: maxminddb.Reader | None, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Any:
    if reader is None:
        return None
    try:
        return reader.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):
        # An IPv6 address in a database of IPv4, or a damaged part of a file.
        return None


def _country_of(found: Any) -> str | None:
    """As GeoLite2, DB-IP and IPinfo write it."""
    if not isinstance(found, dict):
        return None
    country = found.get("country") or found.get("registered_country") or found.get("country_code")
    code = country.get("iso_code") if isinstance(country, dict) else country
    return code.upper() if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha() else None


def _asn_of(found: Any) -> int | None:
    if not isinstance(found, dict):
        return None
    number = found.get("autonomous_system_number") or found.get("asn")
    if isinstance(number, str) and number.upper().startswith("AS") and number[2:].isdigit():
        number = int(number[2:])
    return number if isinstance(number, int) and 0 < number < 2**32 else None
