# SPDX-License-Identifier: GPL-3.0-or-later
"""The car as a child process, for tests and demo: `with CarProcess(tmp_path / "car") as car`."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from hatci_lab.car.client import CarClient
from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.child import ChildProcess
from hatci_lab.controller.ports import reserve


class CarProcess(ChildProcess, CarClient):
    """Starts `hatci_lab.car` and talks to its admin API.

    Its state is `<directory>/car.json`, its log `<directory>/car.log`; `vin` and `ecus` are those of
    a new car, an existing state wins. With `sums_url` it takes its updates from there. Its ports stay
    the same, and stay ours while it is stopped.
    """

    def __init__(
        self,
        directory: Path | str,
        vin: str = VIN,
        ecus: Sequence[dict[str, Any]] | None = None,
        boot_seconds: float = 0.3,
        sums_url: str = "",
    ) -> None:
        CarClient.__init__(self, "", sums_url)
        self._name = "the car"
        self.directory = Path(directory)
        self.state_file = self.directory / "car.json"
        self.log = self.directory / "car.log"
        self.vin = vin
        self._options = ["--directory", str(self.directory), "--vin", vin, "--ecus", json.dumps(list(ecus or ECUS))]
        self._options += ["--boot-seconds", str(boot_seconds)]
        self._options += ["--sums-url", sums_url] if sums_url else []
        self._holders: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
        for holder in self._holders:
            holder.close()
        self._holders.clear()

    def start(self) -> Self:
        """Start it and return when its ECUs accept connections.

        Raises RuntimeError with the process's own words when it does not come up.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.url = self._launch("hatci_lab.car", self._options)
        if not self._holders:
            self._holders = [reserve(port) for port in (*self.ports.values(), self.state()["admin_port"])]
        return self

    def restart(self) -> Self:
        self.stop()
        return self.start()
