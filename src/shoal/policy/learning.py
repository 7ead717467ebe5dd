"""Learning: the few coefficients that all forecasts share, refined by every observation.

Logistic regression by recursive Bayesian updates (an extended Kalman filter over the coefficients): the model holds
for each pair of coefficients how unsure it is, so each observation moves what is still uncertain and leaves what is
known. There is no learning rate to choose, and an untrained pool starts from ``BUILT_IN``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from operator import mul, sub

import msgspec
from msgspec import Struct

VERSION = 1
"""Raised whenever the meaning of a feature changes; a model of another version is not used."""

DRIFT = 1e-8
"""Variance that each coefficient gains with every observation learned: what was learned a million ago still counts."""
_UNLIKELY = 0.3
_SKIP = 8
"""Of observations that a forecast below ``_UNLIKELY`` and a failure make alike only every eighth is learned: four in
five checks fail as expected, and picks need the forecast to be right among the good. See docs/forecast.md."""

_NOVICE = 20_000
_SAMPLE = 3
"""After so many observations only every third of the others is learned, too: it would hardly move anything."""


class Model(Struct, frozen=True):
    """Coefficients, how unsure each pair of them is (covariance), and how many observations were learned."""

    weights: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    seen: int = 0
    version: int = VERSION


def untrained(weights: Sequence[float], variances: Sequence[float]) -> Model:
    """A model that believes these weights, each for itself and as surely as its variance says (0: for ever)."""
    size = len(weights)
    rows = [tuple([variances[row] if row == column else 0.0 for column in range(size)]) for row in range(size)]
    return Model(tuple(weights), tuple(rows))


def probability(model: Model, features: Sequence[float]) -> float:
    """What the model says to features: 0 to 1."""
    score = sum(map(mul, model.weights, features))
    if score < -30.0:
        return 1e-13
    return 1.0 / (1.0 + exp(-score))


def is_worth_learning(model: Model, expected: float) -> bool:
    """Whether an observation that was forecast at ``expected`` is one of those that are learned."""
    if expected < _UNLIKELY:
        return model.seen % _SKIP == 0
    return model.seen < _NOVICE or model.seen % _SAMPLE == 0


def may_teach(model: Model) -> bool:
    """Whether the next observation can be one of those that are learned, whatever was forecast for it.

    Where not, nobody needs to make out its features; ``passed`` counts it."""
    return model.seen < _NOVICE or model.seen % _SAMPLE == 0 or model.seen % _SKIP == 0


def passed(model: Model) -> Model:
    """The model after one observation that is not learned."""
    return Model(model.weights, model.covariance, model.seen + 1, model.version)


def learn(model: Model, features: Sequence[float], ok: bool) -> Model:
    """The model after one observation of a path with these features just before it."""
    expected = probability(model, features)
    if not is_worth_learning(model, expected):
        return passed(model)
    reach = [sum(map(mul, row, features)) for row in model.covariance]
    # The curvature of the logistic function, kept away from 0: one surprise must not throw everything over.
    noise = max(expected * (1.0 - expected), 1e-3)
    scale = 1.0 / (1.0 / noise + sum(map(mul, reach, features)))
    surprise = (1.0 if ok else 0.0) - expected
    step = scale * surprise / noise
    weights = tuple([weight + step * gain for weight, gain in zip(model.weights, reach, strict=True)])
    rows = []
    for index, row in enumerate(model.covariance):
        if not reach[index]:
            # What is certain from the start stays so.
            rows.append(row)
            continue
        # This runs for each of 400 pairs: ``map`` over built-in functions takes three quarters of a loop's time.
        kept = list(map(sub, row, map((scale * reach[index]).__mul__, reach)))
        if kept[index]:
            kept[index] += DRIFT
        rows.append(tuple(kept))
    return Model(weights, tuple(rows), model.seen + 1, model.version)


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Model)


def encode_model(model: Model) -> bytes:
    """A model as bytes, for a store."""
    return _encode(model)


def decode_model(data: bytes) -> Model | None:
    """The model that ``encode_model`` wrote; None for damaged bytes and for a model whose features meant other things:
    what it knew is soon learned again."""
    try:
        model = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    size = len(model.weights)
    square = len(model.covariance) == size and all(len(row) == size for row in model.covariance)
    return model if model.version == VERSION and square else None
