"""Calibration: what a judge's direct answer shows of it."""

from __future__ import annotations

from shoal.domain import Failure, Reason, Stage
from shoal.policy.content import FAITHFUL_FIELDS
from shoal.policy.verdict import Echo, gives_away
from shoal.probe.dialects import guess_kind, read_echo
from shoal.probe.judges import Judge
from shoal.probe.seat import Seat
from shoal.upstream import printable


def calibrate(seat: Seat, echo: Echo, body: bytes, nonce: str) -> Failure | None:
    """What a direct answer shows of a judge, noted at its seat: of which kind it is, what it saw of us, what reaches
    it unchanged. None where the answer is right."""
    judge = seat.judge
    fits = echo.address is not None and echo.nonce_ok is not False
    if judge.guessed and not (fits and echo.nonce_ok):
        kind = guess_kind(judge, body, nonce)
        if kind is not None and kind != judge.kind:
            seat.become(kind)
            if kind != "trace":
                echo = read_echo(seat.judge, body, nonce)
                fits = echo.address is not None and echo.nonce_ok is not False
    if not fits:
        return Failure(Stage.CONTENT, Reason.MISMATCH, _wrong(seat.judge, echo, body))
    seat.own_seen = echo.address
    sent = {name.lower() for name in seat.template("", False).headers}
    names = {name.lower() for name, _ in echo.headers}
    seat.baseline = frozenset(name for name in names - sent if gives_away(name))
    if seat.judge.kind != "shoal":
        came = {name.lower(): value for name, value in echo.headers}
        asked = seat.template("", False).headers
        seat.kept = tuple([name for name in FAITHFUL_FIELDS if came.get(name.lower()) == asked[name]])
        seat.plain_answer = body
    return None


def _wrong(judge: Judge, echo: Echo, body: bytes) -> str:
    if echo.address is None:
        start = body[:60].decode("latin-1")
        return printable(f"the answer is not one of a {judge.kind} judge: {start!r}")
    if judge.key is not None:
        return "the nonce or its signature is wrong: is the key the same on both sides?"
    return "the nonce did not come back"
