# SPDX-License-Identifier: GPL-3.0-or-later
"""The admin API of a car that runs, at `url`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
import yaml
from jinja2 import Template

from hatci_lab.controller.ports import HOST

EXPORTER_TEMPLATE = Path(__file__).parent / "car_exporter.yaml.j2"
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class EcuAddress:
    host: str
    port: int
    logical_address: int


class CarClient:
    """`sums_url`: the SUMS simulator that it takes updates from, if its exporter shall be able to cancel one."""

    def __init__(self, url: str, sums_url: str = "") -> None:
        self.url = url
        self.sums_url = sums_url
        self._session = requests.Session()
        self._session.trust_env = False

    @cached_property
    def ecus(self) -> dict[str, EcuAddress]:
        """Where each ECU listens when it is on."""
        state = self.state()
        return {
            name: EcuAddress(HOST, state["ports"][name], ecu["logical_address"]) for name, ecu in state["ecus"].items()
        }

    @property
    def ports(self) -> dict[str, int]:
        return {name: address.port for name, address in self.ecus.items()}

    def exporter_variables(self, uds_doip: Sequence[str] = ()) -> dict[str, Any]:
        """What EXPORTER_TEMPLATE needs, but for jumpstarter_exporter_name, and hatci_lab_state_file if wanted.

        The ECUs in `uds_doip` get the UdsDoip driver, the others a tunnel.
        """
        return {
            "hatci_vin": self.state()["vin"],
            "hatci_lab_car_url": self.url,
            "hatci_lab_car_ecus": {name: asdict(address) for name, address in self.ecus.items()},
            "hatci_lab_car_uds_doip": list(uds_doip),
            "hatci_lab_car_sums_url": self.sums_url,
        }

    def write_exporter(self, path: Path, name: str, uds_doip: Sequence[str] = ()) -> dict[str, Any]:
        """Write the configuration of a local exporter to `path`, and return its `export` for a controller's."""
        variables = {
            **self.exporter_variables(uds_doip),
            "jumpstarter_exporter_name": name,
            "hatci_lab_state_file": str(path.with_suffix(".serial.json")),
        }
        path.write_text(Template(EXPORTER_TEMPLATE.read_text()).render(variables))
        export: dict[str, Any] = yaml.safe_load(path.read_text())["export"]
        return export

    def state(self) -> dict[str, Any]:
        """Everything the car keeps, and of each ECU whether it is `listening`."""
        state: dict[str, Any] = self._lab("GET", "_lab/state")
        return state

    def set_car(self, **change: Any) -> None:
        """Change its vin, voltage, bricked or network_carries_diagnostics."""
        self._lab("PATCH", "_lab/state", change)

    def set_ecu(self, name: str, **change: Any) -> dict[str, Any]:
        """Change what an ECU is: its part_number, sw_version, vin, dtcs, dids, multiple_dids, on, ..."""
        ecu: dict[str, Any] = self._lab("PATCH", f"_lab/ecus/{name}", change)
        return ecu

    def wait_until_listening(self, *names: str, timeout: float = 30.0) -> None:
        """Until these ECUs, or all of them, have booted; raises RuntimeError when they do not in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        waited_for = names or tuple(self.ecus)
        while not all(self.state()["ecus"][name]["listening"] for name in waited_for):
            if time.monotonic() >= deadline:
                raise RuntimeError(f"{', '.join(waited_for)}: not all of them listen after {timeout:g} s")
            time.sleep(POLL_SECONDS)

    def power(self, on: bool) -> None:
        self._lab("POST", f"power/{'on' if on else 'off'}")

    def network(self, on: bool) -> None:
        """The car's way to SUMS."""
        self._lab("POST", f"network/{'on' if on else 'off'}")

    def set_behaviour(self, **behaviour: Any) -> None:
        """How it takes updates from now on, see hatci_lab.car.model.Behaviour; what is not named is as usual."""
        self._lab("PUT", "_lab/behaviour", behaviour)

    def add_fault(self, kind: str, **rule: Any) -> None:
        self._lab("POST", "_lab/faults", {"kind": kind, **rule})

    def faults(self) -> list[dict[str, Any]]:
        """The armed faults with how often each fired."""
        armed: list[dict[str, Any]] = self._lab("GET", "_lab/faults")
        return armed

    def clear_faults(self) -> None:
        self._lab("DELETE", "_lab/faults")

    def requests(self) -> list[dict[str, Any]]:
        """What the ECUs heard and said so far, in order."""
        entries: list[dict[str, Any]] = self._lab("GET", "_lab/requests")
        return entries

    def clear_requests(self) -> None:
        self._lab("DELETE", "_lab/requests")

    def reset(self) -> None:
        """Be as new: software, codes, faults, behaviour, power; the request log is empty."""
        self._lab("POST", "_lab/reset")

    def _lab(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self.url}/{path}", json=body, timeout=30)
        if not response.ok:
            raise ValueError(f"{method} /{path}: {response.status_code} {response.text}")
        return response.json()
