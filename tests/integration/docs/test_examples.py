# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every SUMS module run as they stand in its documentation."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import yaml
from play_support import REPOSITORY, VIN

from hatci_lab.sums.process import SumsProcess

SUMS_MODULES = sorted(path.stem for path in (REPOSITORY / "plugins/modules").glob("hatci_*.py"))
DOCUMENTED_URL = "https://sums.example.com"


def prepare(sums: SumsProcess) -> dict[str, dict[str, str]]:
    """Return what the examples have registered before: an event that is fixed, its deployment, a test event."""
    event = sums.api(
        "POST",
        "/events",
        {
            "tester_name": "automation_runner",
            "program_name": "OTA_Test",
            "model_year": "2024",
            "vin": VIN,
            "update_type": "UROM",
            "region": "US",
            "build_level": "2024.02.01",
            "ecus": [{"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "2.0.0"}],
        },
    ).json()
    sums.api("POST", f"/events/{event['event_id']}/fix", {})
    deployment = sums.api("POST", "/deployments", {"event_id": event["event_id"]}).json()
    test_event = sums.api(
        "POST",
        "/test_events",
        {"vin": VIN, "event_id": "pending", "ansible_job_id": "1", "git_sha": "unknown", "suite_name": "ota"},
    ).json()
    return {"target": event, "deployment": deployment, "test_event": test_event}


@pytest.mark.parametrize("module", SUMS_MODULES)
def test_examples_run_as_they_are(module: str, sums: SumsProcess, play_vehicle: Callable) -> None:
    documented = importlib.import_module(f"ansible_collections.hatci.automation.plugins.modules.{module}")
    text = documented.EXAMPLES
    assert DOCUMENTED_URL in text
    tasks = yaml.safe_load(text.replace(DOCUMENTED_URL, sums.url).replace("poll_interval: 60", "poll_interval: 0.2"))
    playbook = yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}])
    done = play_vehicle(playbook, variables={**prepare(sums), "vault_hatci_token": sums.token})
    assert done.returncode == 0, done.output
    assert all(task.outcome == "ok" for task in done.tasks)
