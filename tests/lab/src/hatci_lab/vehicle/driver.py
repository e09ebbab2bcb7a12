# SPDX-License-Identifier: GPL-3.0-or-later
"""The vehicle's Jumpstarter drivers, named by type in an exporter configuration."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from jumpstarter.driver import Driver, export
from jumpstarter_driver_power.common import PowerReading
from jumpstarter_driver_power.driver import PowerInterface

from hatci_lab.vehicle.car import Car
from hatci_lab.vehicle.state import StateKeeper


@dataclass(kw_only=True)
class VirtualPower(PowerInterface, Driver):
    """Ignition. `state_file` lets separate `jmp shell` runs and the serial driver see the same power state."""

    state_file: str | None = None

    @classmethod
    def client(cls) -> str:
        return "hatci_lab.vehicle.client.VirtualPowerClient"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keeper = StateKeeper(self.state_file)

    @export
    async def on(self) -> None:
        self._switch(True)

    @export
    async def off(self) -> None:
        self._switch(False)

    @export
    async def read(self) -> AsyncGenerator[PowerReading, None]:
        with self._keeper.changing() as state:
            powered = state.powered
        yield PowerReading(voltage=12.6, current=8.0) if powered else PowerReading(voltage=0.0, current=0.0)

    def _switch(self, powered: bool) -> None:
        with self._keeper.changing() as state:
            state.powered = powered
            if not powered:
                state.lines.clear()


@dataclass(kw_only=True)
class VirtualSerial(Driver):
    """Serial line of the vehicle `vin`, which takes its updates from the SUMS simulator at `sums_url`.

    `sums_ca` is a PEM file to check an https simulator with. `requires_power` needs the
    `state_file` it shares with VirtualPower.
    """

    sums_url: str
    vin: str
    state_file: str | None = None
    requires_power: bool = False
    sums_ca: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.requires_power and not self.state_file:
            raise ValueError("VirtualSerial: requires_power needs the state_file that VirtualPower has, too")
        self._car = Car(self.vin, self.sums_url, StateKeeper(self.state_file), self.requires_power, self.sums_ca)

    @classmethod
    def client(cls) -> str:
        return "hatci_lab.vehicle.client.VirtualSerialClient"

    @export
    def read(self, timeout: float) -> list[str]:
        return self._car.read(timeout)

    @export
    def send(self, text: str) -> None:
        self._car.send(text)
