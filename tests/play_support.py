# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of whole playbooks share."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import psutil
import yaml

REPOSITORY = Path(__file__).parents[1]
PLAYBOOKS = REPOSITORY / "playbooks"
VEHICLE_TEMPLATE = str(files("hatci_lab.vehicle") / "vehicle_exporter.yaml.j2")
HOST = "vehicle_001"
EXPORTER = "vehicle-001"
"""What a controller calls the exporter of HOST, since names of Kubernetes have no underscore."""

VIN = "1HGBH41JXMN109186"
HUNG_SECONDS = 240
"""Nothing that a test waits for takes that long; it will not come any more."""

OLD = [{"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "1.0.0"}]
NEW = [{"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "2.0.0"}]
TEST_VARIABLES: dict[str, t.Any] = {
    "hatci_vin": VIN,
    "hatci_tester_name": "automation_runner",
    "hatci_program_name": "OTA_Test",
    "hatci_model_year": "2024",
    "hatci_region": "US",
    "hatci_source_build_level": "2024.01.01",
    "hatci_source_ecus": OLD,
    "hatci_target_build_level": "2024.02.01",
    "hatci_target_ecus": NEW,
    "hatci_poll_interval_seconds": 0.1,
    "jumpstarter_exporter_name": HOST,
    "jumpstarter_exporter_template": VEHICLE_TEMPLATE,
    "ota_verify_ecus": True,
}
"""A test of the virtual vehicle, beside the addresses."""

HOME = "{{ lookup('ansible.builtin.env', 'HOME') }}"
PATHS = {
    "jumpstarter_exporters_dir": f"{HOME}/.config/jumpstarter/exporters.d",
    "jumpstarter_exporter_config_link_dir": f"{HOME}/.config/jumpstarter/exporters",
    "jumpstarter_lease_guard_lock_dir": f"{HOME}/locks",
    "hatci_report_results_record_dir": f"{HOME}/unsent-reports",
}
"""Keep all that a play writes below its home."""


def inventory_of(*hosts: str, **variables: t.Any) -> str:
    """Return an inventory of local hosts as text."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    return yaml.safe_dump({"all": {"hosts": dict.fromkeys(hosts or (HOST,)), "vars": {**local, **variables}}})


def processes_of(directory: Path) -> list[str]:
    """Return the command lines of processes that name a directory, or write their files or their log below it."""
    found = []
    for process in processes_below(directory):
        with contextlib.suppress(psutil.Error):
            found.append(" ".join(process.cmdline()))
    return found


def processes_below(directory: Path) -> list[psutil.Process]:
    """Return the processes that name a directory, or write their files or their log below it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(directory) in " ".join([_log_of(process), process.environ().get("TMPDIR", ""), *process.cmdline()]):
                found.append(process)
    return found


def _log_of(process: psutil.Process) -> str:
    """Return the file that a process writes its output to; empty if it has none."""
    try:
        return os.readlink(f"/proc/{process.pid}/fd/1")
    except OSError:
        return ""


def is_locked(home: Path, exporter: str = HOST) -> bool:
    """Whether somebody holds the lock of a device that a play in this home took."""
    with (home / "locks" / f"{exporter}.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until(condition: Callable[[], object], seconds: float = HUNG_SECONDS) -> None:
    """Return when a condition holds; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
