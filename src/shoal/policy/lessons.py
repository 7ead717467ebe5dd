"""Lessons: what observations of a record teach the shared model."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.domain import Blame, Health, Observation, Record
from shoal.policy.forecast import features
from shoal.policy.learning import Model, learn, may_teach, passed


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
                model = _taught(model, path.health, seen.at, seen.works)
    return model


def lessons_between(model: Model, before: Record, after: Record) -> Model:
    """The model after one observation that another process made, read off two states of a record.

    Paths between whose states more than one result lies teach nothing: what came when is not known."""
    for path in before.paths:
        newer = after.path(path.scheme) if path.is_verified else None
        if newer is None:
            continue
        results = newer.health.oks - path.health.oks, newer.health.bads - path.health.bads
        if results == (1, 0):
            model = _taught(model, path.health, newer.health.last_ok, True)
        elif results == (0, 1):
            model = _taught(model, path.health, newer.health.last_bad, False)
    return model


def _taught(model: Model, health: Health, at: float, ok: bool) -> Model:
    return learn(model, features(health, at), ok) if may_teach(model) else passed(model)
