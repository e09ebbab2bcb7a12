# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation names, and what stands for it in this lab."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docs_support import Reader
from play_support import VIN, processes_of, wait_until
from playbook_runner import AnsiblePlaybook

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

InThisLab = Callable[[str], str]


@pytest.fixture
def in_this_lab(vehicle: SumsProcess, request: pytest.FixtureRequest, tmp_path: Path) -> InThisLab:
    """Replace the addresses, paths, ids and long times that an example names, and nothing else of it."""

    def client_config() -> str:
        controller: ControllerProcess = request.getfixturevalue("controller")
        return str(controller.client_config("alice"))

    def open_test_event() -> str:
        run = {"vin": VIN, "event_id": "pending", "ansible_job_id": "4711", "git_sha": "unknown", "suite_name": "ota"}
        return str(vehicle.api("POST", "/test_events", run).json()["test_event_id"])

    def kept_report() -> str:
        report = tmp_path / "te-000001.json"
        report.write_text(json.dumps({"test_event_id": open_test_event(), "status": "PASS"}), encoding="utf-8")
        return str(report)

    stand_ins: dict[str, Callable[[], str]] = {
        "https://sums.example.com": lambda: vehicle.url,
        "HATCI_TOKEN=...": lambda: f"HATCI_TOKEN={vehicle.token}",
        "/etc/jumpstarter/client.yaml": client_config,
        "te-000042": open_test_event,
        "/var/tmp/hatci-unsent-reports-1000/te-000001-5f0c8a3b9d21e764.json": kept_report,
        "poll_interval: 60": lambda: "poll_interval: 0.2",
        "max_age: 28800": lambda: "max_age: 0.001",
        "wait: 5": lambda: "wait: 0.1",
    }

    def replace(text: str) -> str:
        for documented, stand_in in stand_ins.items():
            if documented in text:
                text = text.replace(documented, stand_in())
        return text

    return replace


@pytest.fixture
def reader(ansible_playbook: AnsiblePlaybook, in_this_lab: InThisLab) -> Iterator[Reader]:
    """Return somebody who has nothing yet. What they start must end by itself."""
    somebody = Reader(ansible_playbook, in_this_lab)
    yield somebody
    wait_until(lambda: not processes_of(somebody.home))
