# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP face of SUMS: every call of the wire contract, described truthfully in /openapi.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from hatci_lab.sums import models
from hatci_lab.sums.backend import Backend, Refusal
from hatci_lab.sums.store import Record

REPLAYED = "idempotent-replayed"


class Json(Response):
    """JSON in plain ASCII, so that any string a client sent can be sent back."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode()


def problem(status: int, message: str, details: list[Record] | None = None) -> Json:
    return Json({"error": message, "details": details or []}, status)


def _documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    meaning = {
        400: "the body is not JSON",
        401: "no token, or not this backend's",
        404: "nothing has this id",
        409: "the event is in the wrong state for this",
        422: "the input is not valid",
    }
    return {status: {"model": models.Problem, "description": meaning[status]} for status in statuses}


class Once:
    """Answers a POST again from memory when its idempotency key was seen on this path before."""

    def __init__(
        self,
        request: Request,
        idempotency_key: Annotated[str | None, Header(description="the same for every retry of one call")] = None,
    ) -> None:
        self._backend: Backend = request.app.state.backend
        self._path = request.url.path
        self._key = idempotency_key

    def __call__(self, status: int, work: Callable[[], Record]) -> Json:
        store = self._backend.store
        if self._key and (known := store.answer(self._path, self._key)):
            return Json(known[1], known[0], {REPLAYED: "true"})
        with store.transaction():
            body = work()
            if self._key:
                store.remember(self._path, self._key, status, body)
        return Json(body, status)


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Sums = Annotated[Backend, Depends(_backend)]
OnlyOnce = Annotated[Once, Depends()]

api = APIRouter(prefix="/api/v1", dependencies=[Security(HTTPBearer(auto_error=False))])


@api.get("/health", response_model=models.Health, responses=_documented(401))
async def health() -> Json:
    return Json({"status": "ok"})


@api.get("/vehicles", response_model=models.VehiclePage, responses=_documented(401, 422))
async def list_vehicles(
    request: Request,
    sums: Sums,
    page: Annotated[int, Query(ge=1)] = 1,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Json:
    everything = sums.vehicles()
    end = page * page_size
    body: Record = {
        "vehicles": everything[end - page_size : end],
        "page": page,
        "page_size": page_size,
        "total": len(everything),
        "next": None,
    }
    if end >= len(everything):
        return Json(body)
    body["next"] = str(request.url.include_query_params(page=page + 1, page_size=page_size))
    return Json(body, headers={"link": f'<{body["next"]}>; rel="next"'})


@api.post("/events", status_code=201, response_model=models.Event, responses=_documented(400, 401, 422))
async def create_event(body: models.EventBody, sums: Sums, once: OnlyOnce) -> Json:
    return once(201, lambda: sums.create_event(body.given()))


@api.get("/events/{event_id}", response_model=models.Event, responses=_documented(401, 404))
async def get_event(event_id: str, sums: Sums) -> Json:
    return Json(sums.event(event_id))


@api.post("/events/{event_id}/fix", response_model=models.Event, responses=_documented(400, 401, 404, 409, 422))
async def fix_event(event_id: str, body: models.FixBody, sums: Sums, once: OnlyOnce) -> Json:
    return once(200, lambda: sums.fix_event(event_id))


@api.post(
    "/deployments",
    status_code=201,
    response_model=models.Deployment,
    responses=_documented(400, 401, 404, 409, 422),
)
async def create_deployment(body: models.DeploymentBody, sums: Sums, once: OnlyOnce) -> Json:
    return once(201, lambda: sums.create_deployment(body.given()))


@api.get("/deployments/{deployment_id}", response_model=models.Deployment, responses=_documented(401, 404))
async def get_deployment(deployment_id: str, sums: Sums) -> Json:
    return Json(sums.deployment(deployment_id))


@api.post("/test_events", status_code=201, response_model=models.TestEvent, responses=_documented(400, 401, 422))
async def create_test_event(body: models.TestEventBody, sums: Sums, once: OnlyOnce) -> Json:
    return once(201, lambda: sums.create_test_event(body.given()))


@api.patch(
    "/test_events/{test_event_id}",
    response_model=models.TestEvent,
    responses=_documented(400, 401, 404, 422),
)
async def update_test_event(test_event_id: str, body: models.TestEventPatch, sums: Sums) -> Json:
    with sums.store.transaction():
        return Json(sums.update_test_event(test_event_id, body.given()))


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problem(error.status, str(error))


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = [{"field": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
    return problem(422, "; ".join(f"{one['field']}: {one['message']}" for one in details), details)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail)


def create_app(backend: Backend, base_path: str) -> FastAPI:
    """The SUMS API over `backend`; `base_path` is only named in the OpenAPI document, the gate strips it."""
    app = FastAPI(
        title="HATCI SUMS (simulated)",
        version="1",
        servers=[{"url": base_path or "/"}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            Refusal: _refused,
            RequestValidationError: _invalid,
            HTTPException: _http_error,
        },
    )
    app.state.backend = backend
    app.include_router(api)
    return app
