"""Pages of other sites may not read an answer: no header allows it, whatever they ask for."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

ELSEWHERE = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "DELETE"}


@pytest.mark.parametrize("path", ["/", "/get/", "/v1/stats", "/v1/proxies", "/v1/tokens", "/v1/nothing", "/metrics"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_no_answer_may_be_read_by_another_site(client: TestClient, method: str, path: str) -> None:
    for more in ({}, {"Access-Control-Request-Private-Network": "true"}, {"Origin": "null"}):
        answer = client.request(method, path, headers={**ELSEWHERE, **more})
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        if method == "OPTIONS":
            # What is no preflight answer of success lets no request through that needs one.
            assert answer.status_code >= 400
