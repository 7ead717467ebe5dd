"""Picks as text in the forms that other programs read. Pure: values in, text out."""

from __future__ import annotations

from shoal.export.formats import Format, content_type, export

__all__ = ["Format", "content_type", "export"]
