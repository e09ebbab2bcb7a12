# SPDX-License-Identifier: GPL-3.0-or-later
"""The car's admin API, /_lab, and its relays, which a published power driver can switch."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from hatci_lab.car.car import Car
from hatci_lab.car.faults import KINDS
from hatci_lab.car.model import Ecu, Fault

BATTERY = {"voltage": 12.6, "current": 8.0}
NOTHING = {"voltage": 0.0, "current": 0.0}


def _check_fault(rule: Fault) -> Fault:
    if rule.kind not in KINDS:
        raise ValueError(f"{rule.kind!r} is not a kind of fault; these are: {', '.join(KINDS)}")
    return rule


Rule = Annotated[Fault, AfterValidator(_check_fault)]


class CarChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    vin: str | None = None
    bricked: bool | None = None


def relay_routes(car: Car) -> APIRouter:
    """GET and POST alike, as relays in labs have it."""
    relays = APIRouter()

    @relays.api_route("/power/{position}", methods=["GET", "POST"])
    async def power(position: str) -> dict[str, float]:
        if position in ("on", "off"):
            car.state.powered = position == "on"
            car.changed()
        elif position != "read":
            raise HTTPException(404, f"the power relay knows on, off and read, not {position!r}")
        return BATTERY if car.state.powered else NOTHING

    return relays


def admin_routes(car: Car) -> APIRouter:
    lab = APIRouter(prefix="/_lab")

    @lab.get("/state")
    async def state() -> dict[str, Any]:
        return car.shown()

    @lab.patch("/state")
    async def change(given: CarChange) -> dict[str, Any]:
        for name, value in given.model_dump(exclude_unset=True).items():
            setattr(car.state, name, value)
        car.changed()
        return car.shown()

    @lab.patch("/ecus/{name}")
    async def change_ecu(name: str, given: dict[str, Any]) -> dict[str, Any]:
        if name not in car.state.ecus:
            raise HTTPException(404, f"the car does not have an ECU {name!r}; it has {', '.join(car.state.ecus)}")
        try:
            car.state.ecus[name] = Ecu(**{**car.state.ecus[name].model_dump(), **given})
        except ValidationError as error:
            raise HTTPException(422, str(error)) from error
        car.changed()
        return car.shown()["ecus"][name]

    @lab.get("/vehicles/{vin}")
    async def vehicle(vin: str) -> dict[str, Any]:
        """As SUMS shows a vehicle, but what is truly on its ECUs; the serial line asks here."""
        names = ("ecu_name", "part_number", "sw_version")
        ecus = [{name: getattr(ecu, name) for name in names} for ecu in car.state.ecus.values()]
        return {"vin": car.state.vin, "ecus": ecus}

    @lab.get("/requests")
    async def requests() -> list[dict[str, Any]]:
        return car.log.entries()

    @lab.delete("/requests")
    async def clear_requests() -> dict[str, Any]:
        car.log.clear()
        return {}

    @lab.get("/faults")
    async def list_faults() -> list[dict[str, Any]]:
        return [fault.model_dump() for fault in car.state.faults]

    @lab.post("/faults")
    async def add_fault(rule: Rule) -> dict[str, Any]:
        car.state.faults = [*car.state.faults, rule]
        car.changed()
        return rule.model_dump()

    @lab.delete("/faults")
    async def clear_faults() -> dict[str, Any]:
        car.state.faults = []
        car.changed()
        return {}

    return lab
