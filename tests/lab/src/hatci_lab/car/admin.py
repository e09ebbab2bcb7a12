# SPDX-License-Identifier: GPL-3.0-or-later
"""The car's admin API, /_lab, and its relays, which a published power driver can switch."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from hatci_lab.car.car import Car
from hatci_lab.car.faults import KINDS
from hatci_lab.car.model import Behaviour, Ecu, Fault

CURRENT = 8.0
BATTERY_VOLTS = {"on": 12.6, "off": 11.0}


def _check_fault(rule: Fault) -> Fault:
    if rule.kind not in KINDS:
        raise ValueError(f"{rule.kind!r} is not a kind of fault; these are: {', '.join(KINDS)}")
    return rule


Rule = Annotated[Fault, AfterValidator(_check_fault)]


class CarChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    vin: str | None = None
    voltage: float | None = None
    bricked: bool | None = None
    network_carries_diagnostics: bool | None = None


def relay_routes(car: Car) -> APIRouter:
    """/power, /network, /battery and /reset with on, off and read, by GET and POST alike, as relays in labs have it.

    A battery that is off is low; a reset that is switched on resets every ECU, and reads as many volts as there were
    resets.
    """
    relays = APIRouter()
    switches = {"power": "powered", "network": "network", "battery": "powered", "reset": "powered"}

    @relays.api_route("/{relay}/{position}", methods=["GET", "POST"])
    async def switch(relay: str, position: str) -> dict[str, float]:
        if relay not in switches or position not in ("on", "off", "read"):
            raise HTTPException(404, f"the relays are {', '.join(switches)}, and each knows on, off and read")
        if relay == "battery" and position != "read":
            car.state.voltage = BATTERY_VOLTS[position]
            car.changed()
        elif relay == "reset" and position == "on":
            for name in car.state.ecus:
                car.reset(name)
        elif relay in ("power", "network") and position != "read":
            setattr(car.state, switches[relay], position == "on")
            car.changed()
        if relay == "reset":
            return {"voltage": float(car.resets), "current": CURRENT}
        closed = getattr(car.state, switches[relay])
        return {"voltage": car.state.voltage if closed else 0.0, "current": CURRENT if closed else 0.0}

    return relays


def admin_routes(car: Car) -> APIRouter:
    lab = APIRouter(prefix="/_lab")

    def _ecu(name: str) -> Ecu:
        if name not in car.state.ecus:
            raise HTTPException(404, f"the car does not have an ECU {name!r}; it has {', '.join(car.state.ecus)}")
        return car.state.ecus[name]

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
        try:
            car.state.ecus[name] = Ecu(**{**_ecu(name).model_dump(), **given})
        except ValidationError as error:
            raise HTTPException(422, str(error)) from error
        car.changed()
        shown: dict[str, Any] = car.shown()["ecus"][name]
        return shown

    @lab.put("/behaviour")
    async def behave(given: Behaviour) -> dict[str, Any]:
        for name in given.leaves_codes:
            _ecu(name)
        car.state.behaviour = given
        car.changed()
        return given.model_dump()

    @lab.get("/vehicles/{vin}")
    async def vehicle(vin: str) -> dict[str, Any]:
        """As SUMS shows a vehicle, but what is truly on its ECUs; the serial line asks here."""
        if not car.state.powered or car.state.bricked:
            raise HTTPException(503, "the car is off")
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
        if rule.ecu is not None:
            _ecu(rule.ecu)
        car.state.faults = [*car.state.faults, rule]
        car.changed()
        return rule.model_dump()

    @lab.delete("/faults")
    async def clear_faults() -> dict[str, Any]:
        car.state.faults = []
        car.changed()
        return {}

    @lab.post("/reset")
    async def reset() -> dict[str, Any]:
        car.renew()
        return {}

    return lab
