# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo needs on disk and in SUMS: an inventory, a home of its own, a vehicle before its update."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from hatci_lab.car.defaults import ECUS, VIN
from hatci_lab.sums.process import SumsProcess

HOST = "vehicle_001"
UPDATE_SECONDS = 4.0
CLOSING_SECONDS = 30.0
REASON = "Gateway refused the image: signature does not match"


class Stage:
    """Everything of one demo below one directory; nothing of the user's home is read or written."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = directory / "sums.db"
        self.inventory = directory / "inventory.yml"
        self.home = directory / "home"
        self._lock = directory / "locks" / f"{HOST}.lock"

    def clear(self) -> None:
        """Forget an earlier demo."""
        shutil.rmtree(self.directory, ignore_errors=True)
        for path in (self.home, self.directory / "tmp"):
            path.mkdir(parents=True)

    def prepare(self, sums: SumsProcess, *, fail: bool) -> None:
        """Put the vehicle into SUMS as it is before the update, and write the inventory that leads there."""
        outcome = {"outcome": "FAILED", "reason": REASON} if fail else {"outcome": "COMPLETE"}
        sums.set_vehicle(VIN, ecus=ECUS, **outcome)
        self.inventory.write_text(yaml.safe_dump(self._inventory(sums), sort_keys=False), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Return the environment for ansible-playbook, and for the jmp it starts."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("JMP_", "HATCI_"))}
        return {
            "ANSIBLE_DISPLAY_OK_HOSTS": "false",
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
            **kept,
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "TMPDIR": str(self.directory / "tmp"),
        }

    def vehicle_is_free(self) -> bool:
        """Whether the vehicle was taken at all and nobody holds its lock now."""
        try:
            with self._lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def wait_for_closer(self) -> None:
        """Wait while the test event of a play that ended early is closed; SUMS must not be stopped before."""
        deadline = time.monotonic() + CLOSING_SECONDS
        while any(self.directory.glob("tmp/hatci-automation-*/closer-*.socket")) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _inventory(self, sums: SumsProcess) -> dict[str, Any]:
        exporters = self.home / ".config/jumpstarter"
        template = files("hatci_lab.vehicle") / "vehicle_exporter.yaml.j2"
        variables = {
            "hatci_base_url": sums.url,
            "hatci_token": sums.token,
            "hatci_lab_sums_url": sums.url,
            "hatci_lab_state_file": str(self.directory / "vehicle.json"),
            "jumpstarter_exporter_template": str(template),
            "jumpstarter_exporters_dir": str(exporters / "exporters.d"),
            "jumpstarter_exporter_config_link_dir": str(exporters / "exporters"),
            "jumpstarter_lease_guard_lock_dir": str(self._lock.parent),
            "hatci_report_results_record_dir": str(self.directory / "unsent-reports"),
        }
        return {"all": {"hosts": {HOST: None}, "vars": variables}}
