"""What a document is: its content decides, content type and file name only break ties."""

from __future__ import annotations

import re

from shoal.sources.extract.csv_form import is_csv
from shoal.sources.extract.json_text import whole_spans
from shoal.sources.extract.pac import is_pac
from shoal.sources.extract.sql import is_sql

_TAGS = re.compile(
    r"<(?:!doctype\s+html|html|head|body|table|tbody|thead|tr|td|div|p|br|ul|ol|li|dl|pre|textarea|span|script|style|a\s|b|i|u"
    r"|font|center|form|h[1-6]|strong|em|code|section|article|main|nav|header|footer|blockquote|button|select|img|label)\b",
    re.IGNORECASE,
)
_XML = re.compile(r"\s*<\?xml|\s*<(?:rss|feed|rdf:RDF|proxies|proxylist|root)\b", re.IGNORECASE)
_XHTML = re.compile(r"<!doctype\s+html|<html\b", re.IGNORECASE)
_ELEMENT = re.compile(r"\s*<[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>")
_CLASH = re.compile(r"^[ \t]*(?:proxies|Proxy|proxy-providers|payload)[ \t]*:[ \t]*(?:\[.*|#.*)?$", re.MULTILINE)
_CLASH_ITEM = re.compile(r"(?:server|type)\s*[\"']?\s*:")
_JSON_START = re.compile(r"\s*(?:[\w.$]{1,60}\s*\(\s*)?[\[{]\s*(?:[\[{\"\]}]|\Z|-?\d)")
_BRACKETED = re.compile(
    r"\[[0-9A-Fa-f:.]+\]:|\[\s*\d+\.\d+\.\d+|\[\s*\d{1,4}[-/:]\d|\[\[?[A-Za-z][\w .-]*\]\]?[ \t]*(?:[#;].*)?$",
    re.MULTILINE,
)
"""An IPv6 entry, an entry or a time that somebody put in brackets, or the head of a section: no array."""
_JSON_LINE = re.compile(r"\s*\{.*\}\s*,?\s*|\s*\[.*\]\s*,?\s*")

HEAD_CHARS = 65536
"""A form shows within this many characters."""


def detect(text: str, content_type: str | None = None, name: str | None = None) -> str:
    """``json``, ``jsonl``, ``xml``, ``html``, ``pac``, ``sql``, ``clash``, ``csv`` or ``text``."""
    head = text[:HEAD_CHARS].lstrip("\ufeff \t\r\n\x1e")
    hint = f"{(content_type or '').lower()} {(name or '').lower()}"
    if head.startswith("<"):
        if _XML.match(head) and not _XHTML.search(head[:2000]):
            return "xml"
        if _TAGS.search(head):
            return "html"
        if _ELEMENT.match(head) and ("</" in head or "/>" in head):
            return "xml"
    if _JSON_START.match(head) and not _BRACKETED.match(head):
        return "jsonl" if _is_lines(head) else "json"
    if is_pac(head):
        return "pac"
    if is_sql(head):
        return "sql"
    if _CLASH.search(head) and _CLASH_ITEM.search(head):
        return "clash"
    if len(_TAGS.findall(head)) >= 3 or ("html" in hint and _TAGS.search(head)):
        return "html"
    return "csv" if is_csv(head) else "text"


def _is_lines(head: str) -> bool:
    """JSON lines: the first line and the second each hold a whole value."""
    lines = [line for line in head.splitlines()[:20] if line.strip()]
    if not lines or not _JSON_LINE.fullmatch(lines[0]):
        return False
    if lines[0].lstrip().startswith("["):
        return len(lines) > 1 and lines[1].lstrip().startswith("[")
    return len(lines) > 1 and lines[1].lstrip().startswith("{") and whole_spans(lines[0])[1]
