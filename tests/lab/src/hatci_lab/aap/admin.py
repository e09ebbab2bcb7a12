# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own admin API, /_lab: make users, jobs, events, workflow nodes and faults. No part of the platform."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter

from hatci_lab.aap.faults import Fault, Faults
from hatci_lab.aap.store import Record, Store, User


def admin_routes(store: Store, requests: Counter[str], faults: Faults) -> APIRouter:
    """The routes below /_lab; they need no token."""
    lab = APIRouter(prefix="/_lab", include_in_schema=False)

    @lab.get("/requests")
    async def request_counts() -> dict[str, int]:
        return dict(requests)

    @lab.put("/users/{token}")
    async def put_user(token: str, user: dict[str, Any]) -> Record:
        store.users[token] = User(**user)
        return user

    @lab.put("/jobs/{job_id}")
    async def put_job(job_id: int, change: dict[str, Any]) -> Record:
        return store.put_job(job_id, change)

    @lab.delete("/jobs/{job_id}")
    async def delete_job(job_id: int) -> Record:
        store.delete_job(job_id)
        return {}

    @lab.post("/jobs/{job_id}/events")
    async def add_events(job_id: int, events: list[dict[str, Any]]) -> Record:
        store.add_events(job_id, events)
        return {"events": len(store.events[job_id])}

    @lab.put("/workflow_jobs/{workflow_id}")
    async def put_nodes(workflow_id: int, nodes: list[dict[str, Any]]) -> Record:
        store.nodes[workflow_id] = nodes
        return {"nodes": len(nodes)}

    @lab.post("/faults")
    async def add_fault(fault: Fault) -> Record:
        faults.armed.append(fault)
        return {"faults": len(faults.armed)}

    @lab.post("/reset")
    async def reset() -> Record:
        store.clear()
        faults.armed.clear()
        requests.clear()
        return {}

    return lab
