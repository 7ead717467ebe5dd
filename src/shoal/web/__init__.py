"""The dashboard: static files for a browser, without a build step. Whatever they show they get from ``/v1``."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CONTENT_TYPES", "FOLDER"]

FOLDER = Path(__file__).parent
"""Where the files lie."""

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""What is served, by the end of its name; anything else in the folder is not for browsers."""
