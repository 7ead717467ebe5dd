import json

import pytest

from shoal.domain import Failure, Honesty, Query, Reason, Stage
from shoal.domain.problem import Problem
from shoal.domain.query import DANGEROUS


def test_failures_are_counted_by_stage_and_reason() -> None:
    assert Failure(Stage.CONNECT, Reason.REFUSED).kind == "connect.refused"


def test_every_default_query_leaves_out_the_dangerous() -> None:
    assert Query().not_honesties == DANGEROUS == {honesty for honesty in Honesty if honesty.is_dangerous}
    assert not DANGEROUS & {Honesty.CLEAN, Honesty.UNKNOWN}


@pytest.mark.parametrize("field", [None, "limit"])
def test_problems_are_spelled_as_rfc_9457_says(field: str | None) -> None:
    shown = json.loads(Problem(422, "invalid_query", "limit is no number", field).to_json())
    assert shown["type"] == "about:blank"
    assert shown["status"] == 422
    assert shown["title"] == "Unprocessable Entity"
    assert shown["detail"] == "limit is no number"
    assert shown["code"] == "invalid_query"
    assert shown.get("field") == field


def test_values_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Failure(Stage.CONNECT, Reason.REFUSED).stage = Stage.SEND  # type: ignore[misc]
