# SPDX-License-Identifier: GPL-3.0-or-later
"""The car as a child process, for tests and demo: `with CarProcess(tmp_path / "car") as car`."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import requests
import yaml
from jinja2 import Template

from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.controller.ports import HOST, reserve

EXPORTER_TEMPLATE = Path(__file__).parent / "car_exporter.yaml.j2"
READY_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class EcuAddress:
    host: str
    port: int
    logical_address: int


class CarProcess:
    """Starts `hatci_lab.car` and talks to its admin API.

    Its state is `<directory>/car.json`, its log `<directory>/car.log`; `vin` and `ecus` are those of
    a new car, an existing state wins. With `sums_url` it takes its updates from there. Its ports stay
    the same, and stay ours while it is stopped.
    """

    def __init__(
        self,
        directory: Path | str,
        vin: str = VIN,
        ecus: Sequence[dict[str, Any]] = ECUS,
        boot_seconds: float = 0.3,
        sums_url: str = "",
        sums_ca: Path | None = None,
    ) -> None:
        self.directory = Path(directory)
        self.state_file = self.directory / "car.json"
        self.log = self.directory / "car.log"
        self.vin = vin
        self.url = ""
        self.ecus: dict[str, EcuAddress] = {}
        self._options = ["--directory", str(self.directory), "--vin", vin, "--ecus", json.dumps(list(ecus))]
        self._options += ["--boot-seconds", str(boot_seconds)]
        self._options += ["--sums-url", sums_url] if sums_url else []
        self._options += ["--sums-ca", str(sums_ca)] if sums_ca else []
        self._holders: list[socket.socket] = []
        self._process: subprocess.Popen[str] | None = None
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
        for holder in self._holders:
            holder.close()
        self._holders.clear()

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def ports(self) -> dict[str, int]:
        return {name: address.port for name, address in self.ecus.items()}

    def start(self) -> Self:
        """Start it and return when its ECUs accept connections.

        Raises RuntimeError with the process's own words when it does not come up.
        """
        if self._process:
            raise RuntimeError(f"the car is already running as process {self._process.pid}")
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "hatci_lab.car", *self._options]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        line = _first_line(self._process)
        if not line:
            self.stop()
            raise RuntimeError(f"the car did not start: {self.log.read_text()[-4000:]}")
        self.url = json.loads(line)["url"]
        state = self.state()
        self.ecus = {
            name: EcuAddress(HOST, state["ports"][name], ecu["logical_address"]) for name, ecu in state["ecus"].items()
        }
        if not self._holders:
            self._holders = [reserve(port) for port in (*self.ports.values(), state["admin_port"])]
        return self

    def stop(self) -> None:
        """End the process this object started, by force after five seconds; does nothing when none runs."""
        process, self._process = self._process, None
        if process is None:
            return
        self._session.close()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout
        process.stdout.close()

    def kill(self) -> None:
        """End it without warning, as a crash would."""
        self._running().kill()
        self.stop()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def exporter_variables(self, uds_doip: Sequence[str] = ()) -> dict[str, Any]:
        """What EXPORTER_TEMPLATE needs, but for jumpstarter_exporter_name.

        The ECUs in `uds_doip` get the UdsDoip driver, the others a tunnel.
        """
        return {
            "hatci_vin": self.vin,
            "hatci_lab_car_url": self.url,
            "hatci_lab_car_ecus": {name: asdict(address) for name, address in self.ecus.items()},
            "hatci_lab_car_uds_doip": list(uds_doip),
            "hatci_lab_state_file": str(self.directory / "serial.json"),
        }

    def write_exporter(self, path: Path, name: str, uds_doip: Sequence[str] = ()) -> dict[str, Any]:
        """Write the configuration of a local exporter to `path`, and return its `export` for a controller's."""
        variables = self.exporter_variables(uds_doip)
        path.write_text(Template(EXPORTER_TEMPLATE.read_text()).render(jumpstarter_exporter_name=name, **variables))
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

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the car is not running")
        return self._process

    def _lab(self, method: str, path: str, body: Any = None) -> Any:
        self._running()
        response = self._session.request(method, f"{self.url}/{path}", json=body, timeout=30)
        if not response.ok:
            raise ValueError(f"{method} /{path}: {response.status_code} {response.text}")
        return response.json()


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(READY_SECONDS) else ""
