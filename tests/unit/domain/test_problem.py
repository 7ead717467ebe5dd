from __future__ import annotations

import json

from shoal.domain.problem import Problem


def test_a_problem_has_the_fields_of_rfc_9457_and_a_code() -> None:
    assert json.loads(Problem(404, "not_found", "No such thing.").to_json()) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "No such thing.",
    }


def test_the_field_at_fault_is_named() -> None:
    assert json.loads(Problem(400, "x", "y", "limit").to_json())["field"] == "limit"
