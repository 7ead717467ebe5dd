"""The OpenAPI document is kept, whatever is asked: schemathesis in this process, with auth and without."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings

from shoal.api import build_app
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records

TOKEN = "a-token-for-tests"
OPEN = schemathesis.openapi.from_asgi(
    "/openapi.json",
    build_app(FakeService(*typical_records()), ApiOptions(), version="1"),
    headers={"Host": "127.0.0.1"},
).exclude(path="/v1/events")  # it never ends: see tests/unit/api/test_watch.py


class Patient(FakeService):
    """An hour passes with every look at the clock: nobody who shows wrong tokens is taken for a guesser."""

    looks = 0

    def now(self) -> float:
        self.looks += 1
        return super().now() + 3_600.0 * self.looks


CLOSED = schemathesis.openapi.from_asgi(
    "/openapi.json",
    build_app(Patient(*typical_records()), ApiOptions(listen="0.0.0.0:5010", token=TOKEN), version="1"),
    headers={"Authorization": f"Bearer {TOKEN}"},
).exclude(path="/v1/events")
FUZZ = settings(
    max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


@OPEN.parametrize()
@FUZZ
def test_the_document_is_kept_without_auth(case: Any) -> None:
    case.call_and_validate(headers={"Host": "127.0.0.1"})


@CLOSED.parametrize()
@FUZZ
def test_the_document_is_kept_with_auth(case: Any) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})
