# SPDX-License-Identifier: GPL-3.0-or-later
"""What a car keeps: its ECUs with their software and trouble codes, power, network and faults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hatci_lab.car import dtc

Address = Annotated[int, Field(ge=0x0001, le=0xFFFF)]
Byte = Annotated[int, Field(ge=0, le=0xFF)]


def _check_code(code: str) -> str:
    dtc.to_bytes(code)
    return code


def _check_did(did: str) -> str:
    if len(bytes.fromhex(did)) != 2:
        raise ValueError(f"{did!r} is not a data identifier of four hex digits")
    return did.upper()


def _check_hex(text: str) -> str:
    bytes.fromhex(text)
    return text


FIRST_ADDRESS = 0x00E0

Code = Annotated[str, AfterValidator(_check_code)]
Did = Annotated[str, AfterValidator(_check_did)]
Hex = Annotated[str, AfterValidator(_check_hex)]
Codes = dict[Code, Byte]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Ecu(Part):
    """One ECU.

    `dtcs` maps trouble codes to status bytes; `dids` has raw bytes in hex for identifiers that
    answer something else than usual, null for those that the ECU does not know; `vin` is for an
    ECU that came out of another car; `multiple_dids` allows several of them in one request.
    """

    ecu_name: Annotated[str, Field(min_length=1)]
    part_number: str
    sw_version: str
    logical_address: Address
    serial: str
    hardware: str
    vin: str | None = None
    dtcs: Codes = {}
    dids: dict[Did, Hex | None] = {}
    multiple_dids: bool = True
    on: bool = True


class Fault(Part):
    """One rule: what it does to whom, and how often. `times` 0 never ends, `skip` lets so many pass first.

    Without `ecu` it is for all of them; without `service` (such as 34) for every UDS request.
    """

    model_config = ConfigDict(extra="allow", validate_assignment=True)

    kind: str
    ecu: str | None = None
    service: Byte | None = None
    times: Annotated[int, Field(ge=0)] = 0
    skip: Annotated[int, Field(ge=0)] = 0
    passed: int = 0
    fired: int = 0

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


Interruption = Literal["power loss", "network loss", "reset"]
Aftermath = Literal["resume", "restore", "mixture", "brick"]
Report = Literal["COMPLETE", "FAILED", "CANCELLED", "NOTHING"]


class Behaviour(Part):
    """How the car takes its updates.

    After an interruption it goes on, restores the source, ends up with the target on the first half
    of its ECUs, or never answers again. `leaves_codes` are there after an update, by ECU. One that
    `lies` keeps its software though the update succeeds, and takes the target though it fails.
    `report` is what SUMS hears in place of how it ended; after NOTHING it waits for ever.
    """

    on_power_loss: Aftermath = "resume"
    on_network_loss: Aftermath = "resume"
    on_reset: Aftermath = "resume"
    leaves_codes: dict[str, Codes] = {}
    lies: bool = False
    report: Report | None = None
    minimum_voltage: float = 11.8

    def aftermath(self, interruption: Interruption) -> Aftermath:
        by_interruption: dict[Interruption, Aftermath] = {
            "power loss": self.on_power_loss,
            "network loss": self.on_network_loss,
            "reset": self.on_reset,
        }
        return by_interruption[interruption]


class Update(Part):
    """A deployment that the car works on.

    `held`: SUMS was told that it stands still. `ended`: the car is done with it, and this is what SUMS is to hear.
    """

    deployment_id: str
    phase: str = "waiting"
    progress: int = 0
    interruption: Interruption | None = None
    held: bool = False
    ended: str | None = None
    reason: str | None = None


class CarState(Part):
    """`network_carries_diagnostics`: without the network the ECUs cannot be reached either."""

    vin: str
    ecus: dict[str, Ecu]
    powered: bool = True
    voltage: float = 12.6
    network: bool = True
    network_carries_diagnostics: bool = False
    bricked: bool = False
    behaviour: Behaviour = Behaviour()
    update: Update | None = None
    faults: list[Fault] = []
    ports: dict[str, int] = {}
    admin_port: int = 0


def new_ecu(number: int, given: dict[str, Any]) -> Ecu:
    """An ECU from what SUMS knows of it; the rest is made up from its place in the car, where it is not given."""
    made_up = {
        "logical_address": FIRST_ADDRESS + number,
        "serial": f"{given['ecu_name'].upper()}-{number + 1:04d}",
        "hardware": f"{given['part_number']}-H1",
    }
    return Ecu(**{**made_up, **given})
