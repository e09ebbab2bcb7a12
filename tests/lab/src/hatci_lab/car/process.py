# SPDX-License-Identifier: GPL-3.0-or-later
"""The car as a child process, for tests and demo: `with CarProcess(tmp_path / "car") as car`."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from hatci_lab.car.client import CarClient
from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.controller.ports import reserve

READY_SECONDS = 60.0
STOP_SECONDS = 5.0


class CarProcess(CarClient):
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
    ) -> None:
        super().__init__("")
        self.directory = Path(directory)
        self.state_file = self.directory / "car.json"
        self.log = self.directory / "car.log"
        self.vin = vin
        self._options = ["--directory", str(self.directory), "--vin", vin, "--ecus", json.dumps(list(ecus))]
        self._options += ["--boot-seconds", str(boot_seconds)]
        self._options += ["--sums-url", sums_url] if sums_url else []
        self._holders: list[socket.socket] = []
        self._process: subprocess.Popen[str] | None = None

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
        if not self._holders:
            self._holders = [reserve(port) for port in (*self.ports.values(), self.state()["admin_port"])]
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

    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._running().poll() is not None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the car is not running")
        return self._process


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline() if selector.select(READY_SECONDS) else ""
