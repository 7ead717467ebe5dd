"""Country and network of an exit, from MMDB files that the user names or `shoal geo update` fetches."""

from __future__ import annotations

from shoal.geo.databases import GeoDatabases, open_geo
from shoal.geo.update import ATTRIBUTION, update

__all__ = ["ATTRIBUTION", "GeoDatabases", "open_geo", "update"]
