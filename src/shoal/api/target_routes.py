"""Routes of targets: sites that matter, and how the pool reaches them."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shoal.api.bodies import read_body, read_target_body
from shoal.api.responses import NO_STORE, json_response, problem_response
from shoal.api.service import PoolService
from shoal.api.target_views import target_view, trial_view
from shoal.domain.problem import Problem
from shoal.errors import RefusedTargetError

_UNKNOWN: Final = Problem(404, "unknown_target", "There is no target of this name; /v1/targets lists them.")
_IN_FILE: Final = Problem(409, "defined_by_file", "The settings file defines this target: change it there.")
_TAKEN: Final = Problem(
    409, "target_exists", "There is a target of this name; delete it first, or give this one another name.", "name"
)


class TargetRoutes:
    """Endpoints over one service."""

    def __init__(self, service: PoolService) -> None:
        self._service = service

    async def all(self, request: Request) -> Response:
        return json_response([target_view(report) for report in self._service.targets()])

    async def one(self, request: Request) -> Response:
        name = request.path_params["name"]
        for report in self._service.targets():
            if report.target.name == name:
                return json_response(target_view(report))
        return problem_response(_UNKNOWN)

    async def add(self, request: Request) -> Response:
        own = read_target_body(await read_body(request)).own
        try:
            report = await self._service.add_target(own)
        except RefusedTargetError as error:
            return problem_response(Problem(403, "target_refused", f"{error}.".capitalize(), "url"))
        if report is None:
            return problem_response(_TAKEN)
        return json_response(target_view(report), status=201)

    async def test(self, request: Request) -> Response:
        own = read_target_body(await read_body(request)).own
        try:
            tries = await self._service.try_target(own)
        except RefusedTargetError as error:
            return problem_response(Problem(403, "target_refused", f"{error}.".capitalize(), "url"))
        return json_response(trial_view(tries))

    async def delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        for report in self._service.targets():
            if report.target.name == name and report.target.from_file:
                return problem_response(_IN_FILE)
        if not await self._service.delete_target(name):
            return problem_response(_UNKNOWN)
        return Response(status_code=204, headers=NO_STORE)
