"""Page verdict: whether a target's answer is a right one, a ban, or something else."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from shoal.domain import Failure, Reason, Stage, Target

SEARCHED_BYTES: Final = 262_144
"""How much of a page is looked at."""

BAN_STATUSES: Final = frozenset({403, 429})
_WORDS: Final = {403: "403 Forbidden", 429: "429 Too Many Requests"}

# How to edit: only marks that stand in pages which are shown instead of the one asked for; a login page may well hold
# the script of a captcha.
_MARKS: Final[tuple[tuple[str, bytes], ...]] = (
    ("Cloudflare challenge", b"_cf_chl_opt"),
    ("Cloudflare challenge", b"cf-chl-"),
    ("Cloudflare challenge", b"<title>just a moment...</title>"),
    ("Cloudflare block", b"<title>attention required! | cloudflare</title>"),
    ("Google sorry page", b"/sorry/index?continue="),
    ("Google sorry page", b"our systems have detected unusual traffic"),
    ("DataDome captcha", b"geo.captcha-delivery.com"),
    ("DataDome captcha", b"ct.captcha-delivery.com"),
    ("PerimeterX captcha", b"px-captcha"),
    ("Imperva block", b"incapsula incident id"),
    ("Amazon robot check", b"<title>robot check</title>"),
    ("Amazon robot check", b"/errors/validatecaptcha"),
    ("hCaptcha page", b'class="h-captcha"'),
    ("captcha page", b'class="g-recaptcha"'),
    ("captcha page", b'class="cf-turnstile"'),
    ("captcha page", b"complete the captcha"),
    ("captcha page", b"solve the captcha"),
    ("captcha page", b'id="captcha"'),
    ("captcha page", b"are you a robot?"),
    ("captcha page", b"verify you are human"),
    ("captcha page", b"verify that you are not a robot"),
)
_CHALLENGED: Final = re.compile(rb"\r\ncf-mitigated:[ \t]*challenge")
_TITLE: Final = re.compile(rb"<title>[^<]{0,80}captcha")
_LOCATION: Final = re.compile(rb"\r\nlocation:[ \t]*([^\r]*)")
_TO_CAPTCHA: Final = re.compile(rb"captcha|/sorry/|/challenge|blocked|/errors/validate")
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after:[ \t]*([0-9]{1,9})[ \t]*\r\n")


class PageVerdict(Struct, frozen=True, gc=False):
    """``ban`` says in words why it is one; ``failure`` what is wrong; neither: right. ``retry_after`` in seconds."""

    ban: str | None = None
    failure: Failure | None = None
    retry_after: float | None = None

    @property
    def right(self) -> bool:
        return self.ban is None and self.failure is None


_RIGHT: Final = PageVerdict()


def judge_page(target: Target, status: int, head: bytes, body: bytes) -> PageVerdict:
    """``head`` holds the answer's field lines between line ends. What the user expects comes before every mark."""
    fields = b"\r\n" + head.lower()
    page = body[:SEARCHED_BYTES]
    expected = status in target.statuses if target.statuses else 200 <= status < 400
    if expected and target.regex is not None and _found(target.regex, page):
        return _not_wanted(target, page) or _RIGHT
    asked = _RETRY_AFTER.search(fields)
    retry_after = None if asked is None else float(asked[1])
    if status in BAN_STATUSES and status not in target.statuses:
        return PageVerdict(f"the answer was {_WORDS[status]}", _denied(_WORDS[status]), retry_after)
    mark = _mark(target, fields, page)
    if mark is not None:
        return PageVerdict(mark, _denied(mark), retry_after)
    if not expected:
        words = f"the answer was {status}, which is not expected"
        return PageVerdict(failure=Failure(Stage.CONTENT, Reason.BAD_STATUS, words))
    if target.regex is not None:
        words = "what is expected is not in the page (regex)"
        return PageVerdict(failure=Failure(Stage.CONTENT, Reason.MISMATCH, words))
    return _not_wanted(target, page) or _RIGHT


def ban_of(status: int | None, banned: bool) -> str | None:
    """Why a client's use shows a ban, None when it does not."""
    if status in BAN_STATUSES:
        return f"the answer was {_WORDS[status]}"
    return "a client reported a ban" if banned else None


def _not_wanted(target: Target, page: bytes) -> PageVerdict | None:
    if target.not_regex is None or not _found(target.not_regex, page):
        return None
    words = "what must not be there is in the page (not-regex)"
    return PageVerdict(failure=Failure(Stage.CONTENT, Reason.MISMATCH, words))


def _denied(words: str) -> Failure:
    return Failure(Stage.RECEIVE, Reason.DENIED, words)


def _mark(target: Target, fields: bytes, page: bytes) -> str | None:
    lower = page.lower()
    if _CHALLENGED.search(fields):
        return "Cloudflare challenge"
    if _TITLE.search(lower):
        return "captcha page"
    for words, mark in _MARKS:
        if mark in lower:
            return words
    location = _LOCATION.search(fields)
    if location is not None and _TO_CAPTCHA.search(location[1]):
        return "redirected to a captcha"
    for text in target.captcha:
        if text.lower().encode() in lower:
            return f"the page holds {text[:60]!r}"
    return None


def _found(pattern: str, page: bytes) -> bool:
    return _compiled(pattern).search(page.decode("utf-8", "replace")) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
