# SPDX-License-Identifier: GPL-3.0-or-later
"""The API: lists with filters and pages whose links are relative, 401, 403, 404, and 400 for an unknown filter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request

from hatci_lab.aap.store import Record, Store, User

MOST_IN_A_PAGE = 200
PAGING = frozenset({"page", "page_size", "order_by", "format"})

Filter = Callable[[Record, str], bool]

JOB_FILTERS: dict[str, Filter] = {
    "id": lambda job, value: str(job["id"]) == value,
    "id__gt": lambda job, value: int(job["id"]) > int(value),
    "status": lambda job, value: job["status"] == value,
    "status__in": lambda job, value: job["status"] in value.split(","),
    "job_template__name": lambda job, value: job["name"] == value,
    "job_template__name__in": lambda job, value: job["name"] in value.split(","),
    "playbook__endswith": lambda job, value: job["playbook"].endswith(value),
    "job_type": lambda job, value: job["job_type"] == value,
    "finished__gt": lambda job, value: (job["finished"] or "") > value,
}
EVENT_FILTERS: dict[str, Filter] = {
    "event": lambda event, value: event["event"] == value,
    "event__in": lambda event, value: event["event"] in value.split(","),
    "task": lambda event, value: (event["event_data"].get("task") or "") == value,
    "event_data__contains": lambda event, value: value in json.dumps(event["event_data"]),
}


def create_app(store: Store, root: str) -> FastAPI:
    """The API over a store, below `root`."""
    app = FastAPI(title="Ansible Automation Platform (stand-in)", docs_url=None, redoc_url=None)
    api = APIRouter(prefix=root)

    def user_of(request: Request) -> User:
        scheme, _blank, token = request.headers.get("authorization", "").partition(" ")
        user = store.users.get(token) if scheme == "Bearer" else None
        if user is None:
            raise HTTPException(401, "Authentication credentials were not provided.")
        return user

    asker = Depends(user_of)

    def seen_job(job_id: int, user: User) -> Record:
        if job_id not in store.jobs:
            raise HTTPException(404, "Not found.")
        if not user.may_see(job_id):
            raise HTTPException(403, "You do not have permission to perform this action.")
        return store.jobs[job_id]

    @api.get("/")
    async def index() -> Record:
        return {"jobs": f"{root}/jobs/", "me": f"{root}/me/"}

    @api.get("/me/")
    async def me(user: User = asker) -> Record:
        shown = {"id": 1, "username": user.name}
        rights = {"is_superuser": user.is_superuser, "is_system_auditor": user.is_system_auditor}
        return {"count": 1, "next": None, "previous": None, "results": [{**shown, **rights}]}

    @api.get("/jobs/")
    @api.get("/unified_jobs/")
    async def jobs(request: Request, user: User = asker) -> Record:
        visible = [job for number, job in sorted(store.jobs.items()) if user.may_see(number)]
        return _page(request, _filtered(request, visible, JOB_FILTERS))

    @api.get("/jobs/{job_id}/")
    async def job(job_id: int, user: User = asker) -> Record:
        return seen_job(job_id, user)

    @api.get("/jobs/{job_id}/job_events/")
    async def job_events(request: Request, job_id: int, user: User = asker) -> Record:
        seen_job(job_id, user)
        return _page(request, _filtered(request, store.events[job_id], EVENT_FILTERS))

    @api.get("/workflow_jobs/{workflow_id}/workflow_nodes/")
    async def workflow_nodes(request: Request, workflow_id: int, user: User = asker) -> Record:
        if workflow_id not in store.nodes:
            raise HTTPException(404, "Not found.")
        return _page(request, store.nodes[workflow_id])

    app.include_router(api)
    return app


def _filtered(request: Request, records: list[Record], filters: dict[str, Filter]) -> list[Record]:
    for name, value in request.query_params.items():
        if name in PAGING:
            continue
        if name not in filters:
            raise HTTPException(400, f"filtering on {name} is not allowed")
        records = [record for record in records if filters[name](record, value)]
    return records


def _page(request: Request, records: list[Record]) -> Record:
    given: dict[str, Any] = dict(request.query_params)
    page, size = int(given.get("page", 1)), min(int(given.get("page_size", 25)), MOST_IN_A_PAGE)
    end = page * size
    if page > 1 and end - size >= len(records):
        raise HTTPException(404, "Invalid page.")

    def link(number: int) -> str:
        return f"{request.url.path}?{urlencode({**given, 'page': number})}"

    return {
        "count": len(records),
        "next": link(page + 1) if end < len(records) else None,
        "previous": link(page - 1) if page > 1 else None,
        "results": records[end - size : end],
    }
