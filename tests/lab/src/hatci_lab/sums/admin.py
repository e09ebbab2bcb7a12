# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own admin API, /_lab: look into the backend, set vehicles up, arm faults. No part of SUMS."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hatci_lab.sums.app import Json
from hatci_lab.sums.backend import Backend
from hatci_lab.sums.faults import Faults, Rule
from hatci_lab.sums.gate import RequestLog
from hatci_lab.sums.models import Ecu
from hatci_lab.sums.states import Outcome

Seconds = Annotated[float, Field(ge=0)]


class VehicleConfig(BaseModel):
    """How a vehicle is and how its next deployments end. `states` is walked through instead, its last one holds.

    With `reports` its deployments stay just before their end until /_lab/deployments/ID is told how they ended.
    """

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    program_name: str | None = None
    model_year: str | None = None
    region: str | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    update_seconds: Seconds | None = None
    ecus: list[Ecu] | None = None
    states: Annotated[list[tuple[str, Seconds]], Field(min_length=1)] | None = None
    reports: bool | None = None


class DeploymentChange(BaseModel):
    """What a vehicle does to its deployment: `held` lets it stand still or go on, `state` ends it."""

    model_config = ConfigDict(extra="forbid")

    held: bool | None = None
    state: str | None = None
    reason: str | None = None


def admin_routes(backend: Backend, faults: Faults, log: RequestLog) -> APIRouter:
    """The routes below /_lab; they are not in the OpenAPI document and need no token."""
    lab = APIRouter(prefix="/_lab", include_in_schema=False)

    @lab.get("/requests")
    async def requests() -> Json:
        return Json(log.entries())

    @lab.delete("/requests")
    async def clear_requests() -> Json:
        log.clear()
        return Json({})

    @lab.get("/state")
    async def state() -> Json:
        return Json(backend.snapshot())

    @lab.put("/next_ids")
    async def set_next_ids(ids: list[str]) -> Json:
        backend.store.next_ids[:] = ids
        return Json(ids)

    @lab.get("/vehicles/{vin}")
    async def vehicle(vin: str) -> Json:
        with backend.store.transaction():
            return Json(backend.vehicle(vin))

    @lab.put("/vehicles/{vin}")
    async def configure(vin: str, config: VehicleConfig) -> Json:
        given: dict[str, Any] = config.model_dump(exclude_unset=True, exclude_none=True)
        with backend.store.transaction():
            return Json(backend.configure_vehicle(vin, given))

    @lab.get("/vehicles/{vin}/deployments")
    async def open_deployments(vin: str) -> Json:
        with backend.store.transaction():
            vehicle = backend.vehicle(vin)
            return Json({"reports": bool(vehicle.get("reports")), "deployments": backend.open_deployments(vin)})

    @lab.post("/vehicles/{vin}/cancel")
    async def cancel(vin: str) -> Json:
        with backend.store.transaction():
            return Json(backend.cancel_deployments(vin))

    @lab.get("/vehicles/{vin}/cancel")
    async def not_cancelled(vin: str) -> Json:
        with backend.store.transaction():
            return Json({"voltage": float(len(backend.open_deployments(vin))), "current": 0.0})

    @lab.put("/deployments/{deployment_id}")
    async def change_deployment(deployment_id: str, change: DeploymentChange) -> Json:
        with backend.store.transaction():
            if change.state is not None:
                return Json(backend.end_deployment(deployment_id, change.state, change.reason))
            return Json(backend.hold_deployment(deployment_id, bool(change.held)))

    @lab.get("/faults")
    async def list_faults() -> Json:
        return Json(faults.listed())

    @lab.post("/faults")
    async def add_fault(rule: Rule) -> Json:
        faults.add(rule)
        return Json(rule.model_dump())

    @lab.delete("/faults")
    async def clear_faults() -> Json:
        faults.clear()
        return Json({})

    @lab.post("/reset")
    async def reset() -> Json:
        backend.clear()
        faults.clear()
        log.clear()
        return Json({})

    return lab
