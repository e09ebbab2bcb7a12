# SPDX-License-Identifier: GPL-3.0-or-later
"""A task that was about to ask SUMS again when its play was killed: the car may be somebody else's by now."""

from __future__ import annotations

import os
import re
import signal
import typing as t

import pytest
import yaml
from play_support import inventory_of, processes_of, wait_until
from playbook_runner import AnsiblePlaybook
from sums_support import EVENT, VIN

from hatci_lab.sums.process import SumsProcess

MODULES: dict[str, tuple[str, dict[str, t.Any]]] = {
    "/events": ("hatci_create_event", EVENT),
    "/events/ev-000001/fix": ("hatci_fix_event", {"event_id": "ev-000001"}),
    "/deployments": ("hatci_deploy_event", {"event_id": "ev-000001"}),
    "/test_events": ("hatci_test_event", {"vin": VIN}),
}
"""What sends to each path."""


@pytest.mark.newest_core
@pytest.mark.parametrize("path", MODULES)
def test_nothing_more_is_sent_for_a_play_that_was_killed(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess, path: str
) -> None:
    module, options = MODULES[path]
    if path != "/events":
        sums.api("POST", "/events", EVENT)
    if path == "/deployments":
        sums.api("POST", "/events/ev-000001/fix", {})
    sums.clear_requests()
    busy = {"kind": "status", "method": "POST", "path": re.escape(path), "status": 429, "headers": {"Retry-After": "4"}}
    sums.add_fault(**busy)
    connection = {"hatci_base_url": sums.url, "hatci_token": sums.token}
    play = [
        {"hosts": "all", "gather_facts": False, "tasks": [{f"hatci.automation.{module}": {**connection, **options}}]}
    ]
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of("vehicle_001"), encoding="utf-8")
    started = ansible_playbook.start(yaml.safe_dump(play), "-i", str(inventory))
    wait_until(lambda: posts(sums) == [f"/api/v1{path}"])
    os.kill(started.process.pid, signal.SIGKILL)
    started.process.wait()
    wait_until(lambda: not processes_of(ansible_playbook.directory))
    assert posts(sums) == [f"/api/v1{path}"]


def posts(sums: SumsProcess) -> list[str]:
    """Return the paths of what was sent to be created or changed."""
    return [request["path"] for request in sums.requests() if request["method"] == "POST"]
