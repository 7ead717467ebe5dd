"""Short links: which are allowed, how their codes are made, and the book that keeps them."""

from __future__ import annotations

from shoal.links.book import CodeTakenError, LinkBook
from shoal.links.codes import ALIAS_PATTERN
from shoal.links.rules import URL_LIMIT

__all__ = ["ALIAS_PATTERN", "URL_LIMIT", "CodeTakenError", "LinkBook"]
