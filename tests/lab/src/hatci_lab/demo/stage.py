# SPDX-License-Identifier: GPL-3.0-or-later
"""What demo and lab need on disk and in SUMS: inventory, environment, a car before its update."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from hatci_lab.car.client import EXPORTER_TEMPLATE, CarClient
from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.car.model import FIRST_ADDRESS
from hatci_lab.car.process import CarProcess
from hatci_lab.demo.endings import Ending
from hatci_lab.sums.client import SumsClient
from hatci_lab.sums.process import SumsProcess

HOST = "vehicle_001"
UPDATE_SECONDS = 4.0
SETTLE_SECONDS = 20
CLOSING_SECONDS = 30.0
TEST = {
    "hatci_vin": VIN,
    "hatci_tester_name": "lab",
    "hatci_program_name": "OTA_Test",
    "hatci_model_year": "2024",
    "hatci_region": "US",
    "hatci_source_build_level": "2024.01.01",
    "hatci_source_ecus": ECUS,
    "hatci_target_build_level": "2024.02.01",
    "hatci_target_ecus": [
        {**ecu, "sw_version": version} for ecu, version in zip(ECUS, ("2.0.0", "3.2.0"), strict=True)
    ],
    "hatci_poll_interval_seconds": 1,
    "jumpstarter_exporter_name": "{{ inventory_hostname }}",
    "ota_vehicle_ecus": [
        {"name": ecu["ecu_name"], "driver": ecu["ecu_name"].lower(), "logical_address": FIRST_ADDRESS + number}
        for number, ecu in enumerate(ECUS)
    ],
    "ota_vehicle_settle_seconds": SETTLE_SECONDS,
}
"""What a test of the vehicle needs to know; whoever tests another one starts from here."""


@dataclass(frozen=True)
class Lab:
    """What runs."""

    sums: SumsClient
    car: CarClient


class Stage:
    """Everything of one lab below one directory; nothing of the user's home is read or written."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.inventory = directory / "inventory.yml"
        self.environment_file = directory / "environment"
        self.home = directory / "home"
        self.evidence = directory / "ota-evidence"
        self._jumpstarter = self.home / ".config/jumpstarter"
        self._token = directory / "token"
        self._running = directory / "running.json"
        self._demo_lock = directory / "demo.lock"
        self._device_lock = directory / "locks" / f"{HOST}.lock"
        self._claim: IO[str] | None = None

    def claim(self) -> bool:
        """Take the directory until this process ends; False if another process has it."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self._claim = self.directory.with_suffix(".lock").open("a")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    @contextlib.contextmanager
    def new_lab(self) -> Iterator[tuple[SumsProcess, CarProcess]]:
        """Forget an earlier lab, and run a SUMS and a car that takes its updates from there."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for path in (self.home, self.directory / "tmp"):
            path.mkdir(parents=True)
        with (
            SumsProcess(db=self.directory / "sums.db", update_seconds=UPDATE_SECONDS) as sums,
            CarProcess(self.directory / "car", sums_url=sums.url) as car,
        ):
            yield sums, car

    def prepare(self, lab: Lab, ending: Ending) -> None:
        """Put the car back to what it is before the update, tell it how that ends, and write what leads there."""
        self.restore(lab, ending)
        self._token.touch(mode=0o600)
        self._token.write_text(lab.sums.token, encoding="utf-8")
        self.inventory.write_text(yaml.safe_dump(self._inventory(lab), sort_keys=False), encoding="utf-8")
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.exports(lab.sums).items()]
        self.environment_file.write_text("".join(lines) + f'export PATH={_programs()}:"$PATH"\n', encoding="utf-8")

    def restore(self, lab: Lab, ending: Ending) -> None:
        """Put the car back to what it is before the update, and tell it how that ends."""
        lab.sums.set_vehicle(VIN, ecus=ECUS, **ending.vehicle)
        lab.car.reset()
        lab.car.set_car(vin=ending.vin)
        lab.car.set_behaviour(**ending.behaviour)

    @contextlib.contextmanager
    def demo(self) -> Iterator[None]:
        """Keep a lab that runs on from touching the car meanwhile."""
        with self._demo_lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def restore_unless_demo(self, lab: Lab, ending: Ending) -> bool:
        """Return whether it could be done; the demo that runs shows how the car is after its test."""
        with self._demo_lock.open("a") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.restore(lab, ending)
            return True
        return False

    def keep_running(self, lab: Lab, word: str) -> None:
        """Let demos find this lab."""
        found = {"url": lab.sums.url, "car": lab.car.url, "fail": word}
        self._running.write_text(json.dumps(found), encoding="utf-8")

    def running_lab(self) -> tuple[Lab, str] | None:
        """Return the lab that has this directory, and how its updates end; None if it is no lab."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._running.read_text(encoding="utf-8"))
            sums = SumsClient(found["url"], self._token.read_text(encoding="utf-8"))
            return Lab(sums, CarClient(found["car"], found["url"])), found["fail"]
        return None

    def exports(self, sums: SumsClient) -> dict[str, str]:
        """Return what a shell needs to test a vehicle here, beside the programs on its PATH."""
        given = {name: os.environ[name] for name in ("ANSIBLE_COLLECTIONS_PATH",) if name in os.environ}
        return {
            **given,
            "HATCI_BASE_URL": sums.url,
            "HATCI_TOKEN_FILE": str(self._token),
            "JMP_CLIENT_CONFIG_HOME": str(self._jumpstarter),
            "no_proxy": "127.0.0.1,localhost",
        }

    def environment(self, sums: SumsClient) -> dict[str, str]:
        """Return the environment for the demo's ansible-playbook, and for the jmp it starts."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "HATCI_"))}
        return {
            "ANSIBLE_CALLBACKS_ENABLED": "hatci_lab_messages",
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callback_plugins")),
            "ANSIBLE_DISPLAY_OK_HOSTS": "false",
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
            **kept,
            **self.exports(sums),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "HOME": str(self.home),
            "PATH": f"{_programs()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TMPDIR": str(self.directory / "tmp"),
        }

    def vehicle_is_free(self) -> bool:
        """Whether the vehicle was taken at all and nobody holds its lock now."""
        try:
            with self._device_lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def latest_report(self) -> Path | None:
        """Return the page of the latest test, None if there is none."""
        return max(self.evidence.glob("*/report.html"), default=None, key=lambda page: page.stat().st_mtime)

    def wait_for_closer(self) -> None:
        """Wait while the test event of a play that ended early is closed; SUMS must not be stopped before."""
        deadline = time.monotonic() + CLOSING_SECONDS
        while self._has_closer() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _has_closer(self) -> bool:
        """Whether a closer of a play of this stage still runs, told by its log."""
        logs = set()
        for output in Path("/proc").glob("[0-9]*/fd/1"):
            with contextlib.suppress(OSError):
                logs.add(output.readlink())
        return any(log.name.startswith("closer-") and self.directory.resolve() in log.parents for log in logs)

    def _inventory(self, lab: Lab) -> dict[str, Any]:
        exporter = lab.car.exporter_variables()
        variables = {
            "hatci_base_url": lab.sums.url,
            "hatci_token_file": str(self._token),
            **{name: value for name, value in exporter.items() if name not in TEST},
            "hatci_lab_state_file": str(self.directory / "serial.json"),
            "jumpstarter_exporter_template": str(EXPORTER_TEMPLATE),
            "jumpstarter_exporters_dir": str(self._jumpstarter / "exporters.d"),
            "jumpstarter_exporter_config_link_dir": str(self._jumpstarter / "exporters"),
            "jumpstarter_lease_guard_lock_dir": str(self._device_lock.parent),
            "hatci_report_results_record_dir": str(self.directory / "unsent-reports"),
            "ota_evidence_dir": str(self.evidence),
        }
        return {"all": {"hosts": {HOST: TEST}, "vars": variables}}


def _programs() -> Path:
    return Path(sys.executable).parent
