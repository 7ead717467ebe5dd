"""Composition root: options to running parts. The only place that knows concrete classes."""

from __future__ import annotations

from shoal.app.checker import open_checker, open_prober
from shoal.app.pool import Pool, open_pool, open_scheduler, open_server
from shoal.app.reader import credits_of, fetch_all, open_reader, sources_of, try_all
from shoal.config.folders import data_folder
from shoal.engine.one_shot import CheckedEntry

__all__ = [
    "CheckedEntry",
    "Pool",
    "credits_of",
    "data_folder",
    "fetch_all",
    "open_checker",
    "open_pool",
    "open_prober",
    "open_reader",
    "open_scheduler",
    "open_server",
    "sources_of",
    "try_all",
]
