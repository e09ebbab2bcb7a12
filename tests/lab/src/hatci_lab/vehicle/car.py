# SPDX-License-Identifier: GPL-3.0-or-later
"""What the vehicle says over its serial line. Its ECU versions are those SUMS installed on its VIN."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

import requests

from hatci_lab.vehicle.state import StateKeeper

COMMANDS = {
    "check_version": "list every ECU with its part number and software version",
    "help": "list the commands",
}
POLL_SECONDS = 0.05
SUMS_TIMEOUT = (2.0, 5.0)


class Car:
    """A vehicle with a serial line. Off, it hears and says nothing if `requires_power` is set."""

    def __init__(
        self,
        vin: str,
        sums_url: str,
        keeper: StateKeeper,
        requires_power: bool = False,
        sums_ca: str | None = None,
    ) -> None:
        self._vin = vin
        self._vehicle_url = f"{sums_url.rstrip('/')}/_lab/vehicles/{quote(vin, safe='')}"
        self._keeper = keeper
        self._requires_power = requires_power
        self._verify: str | bool = sums_ca or True

    def send(self, text: str) -> None:
        """Hear one command line; what it answers waits to be read."""
        command = text.strip()
        answers: dict[str, Callable[[], list[str]]] = {"check_version": self._versions, "help": _help}
        lines = answers[command]() if command in answers else [f"ERROR unknown command '{command}'"]
        with self._keeper.changing() as state:
            if state.powered or not self._requires_power:
                state.lines += lines

    def read(self, timeout: float) -> list[str]:
        """The lines that wait; with none, the boot banner and the versions. Empty if off for `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            with self._keeper.changing() as state:
                talks = state.powered or not self._requires_power
                if talks and state.lines:
                    lines, state.lines = state.lines, []
                    return lines
            if talks and (account := self._account()):
                return account
            if time.monotonic() >= deadline:
                return []
            time.sleep(POLL_SECONDS)

    def _versions(self) -> list[str]:
        return self._account()[1:]

    def _account(self) -> list[str]:
        """The banner and the versions; nothing from a car of the lab that is off."""
        vin = self._vin
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(self._vehicle_url, timeout=SUMS_TIMEOUT, verify=self._verify)
            if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                return []
            answer.raise_for_status()
        except requests.RequestException:
            lines = ["ERROR vehicle cannot reach its update server"]
        else:
            vehicle = answer.json()
            vin = vehicle["vin"]
            ecus = vehicle["ecus"]
            lines = [f"ECU {ecu['ecu_name']} part={ecu['part_number']} sw={ecu['sw_version']}" for ecu in ecus]
            lines.append("END")
        return [f"HATCI VIRTUAL VEHICLE {vin} ready", *lines]


def _help() -> list[str]:
    return [f"{name}: {meaning}" for name, meaning in COMMANDS.items()]
