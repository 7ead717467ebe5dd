"""Lessons: what observations of a record teach the shared model."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.domain import Blame, Observation, Record
from shoal.policy.forecast import features
from shoal.policy.learning import Model, learn


def lessons(model: Model, record: Record, observations: Iterable[Observation]) -> Model:
    """The model after observations of a record whose state is still the one before them.

    Only what counts for or against a path teaches, and only paths that ever worked: the others follow other laws, and
    are never handed out.
    """
    for seen in observations:
        if not seen.works and seen.blame is not Blame.PROXY:
            continue
        for path in record.paths:
            if path.is_verified and (seen.scheme is None or path.scheme is seen.scheme):
                model = learn(model, features(path.health, seen.at), seen.works)
    return model
