from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from shoal.api import build_app
from shoal.options import ApiOptions
from shoal.testing.fake_service import FakeService, typical_records


@pytest.fixture
def service() -> FakeService:
    return FakeService(*typical_records())


@pytest.fixture
def make_client(service: FakeService) -> Callable[..., TestClient]:
    def make(client: str = "127.0.0.1", base_url: str = "http://127.0.0.1:5010", **options: Any) -> TestClient:
        app = build_app(service, ApiOptions(**options), version="1.2.3")
        return TestClient(app, base_url=base_url, client=(client, 40_000), raise_server_exceptions=False)

    return make


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client()
