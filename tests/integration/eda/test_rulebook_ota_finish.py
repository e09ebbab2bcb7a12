# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that ota_begin handed over is finished by the real ansible-rulebook, when its deployment has ended."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from play_support import HOME, HOST, PATHS, PLAYBOOKS, TEST_VARIABLES, VIN, inventory_of, processes_below, wait_until
from playbook_runner import HUNG_SECONDS, AnsiblePlaybook

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

RULEBOOK = Path(__file__).parents[3] / ".venvs/eda/bin/ansible-rulebook"
pytestmark = [
    pytest.mark.matrix,
    pytest.mark.newest_core,
    pytest.mark.skipif(not RULEBOOK.exists(), reason="ansible-rulebook is not there: make .venvs/eda/.ready"),
    pytest.mark.skipif(not shutil.which("java"), reason="ansible-rulebook needs Java 17: openjdk-17-jre-headless"),
]


@pytest.fixture
def start_rulebook(ansible_playbook: AnsiblePlaybook) -> Iterator[Callable[..., Path]]:
    """Start a rulebook of the collection; it and the play that it runs end with the test."""
    home = ansible_playbook.new_home()
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, inventory: str, variables: dict[str, t.Any], environment: dict[str, str]) -> Path:
        (home / "inventory.yml").write_text(inventory, encoding="utf-8")
        (home / "campaign.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
        files = ["--inventory", str(home / "inventory.yml"), "--vars", str(home / "campaign.yml")]
        with (home / "output").open("wb") as output:
            process = subprocess.Popen(
                [str(RULEBOOK), "--rulebook", f"hatci.automation.{name}", *files],
                env={**ansible_playbook.environment(home), **environment},
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return home / "output"

    yield start
    for process in started:
        process.terminate()
        process.wait()
    for left in processes_below(home):
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()
    wait_until(lambda: not processes_below(home))


def test_a_deployment_that_ends_has_its_test_finished(
    play_vehicle: Callable[..., t.Any],
    start_rulebook: Callable[..., Path],
    sums: SumsProcess,
    controller: ControllerProcess,
) -> None:
    sums.set_vehicle(VIN, outcome="STUCK")
    device = {"jumpstarter_client_config": str(controller.client_config("alice")), "jumpstarter_exporter_template": ""}
    variables = {**TEST_VARIABLES, **device, "ota_verify_ecus": False}
    handover = {"ota_handover_lease_seconds": 3600, "ota_deployments_file": f"{HOME}/deployments.jsonl"}
    begun = play_vehicle(PLAYBOOKS / "ota_begin.yml", variables={**variables, **handover})
    assert begun.returncode == 0, begun.output
    listed = begun.home / "deployments.jsonl"
    line = json.loads(listed.read_text(encoding="utf-8"))
    assert controller.holder(HOST)

    campaign = {
        "ota_deployments_file": str(listed),
        "ota_state_file": str(begun.home / "state.jsonl"),
        "hatci_poll_interval_seconds": 1,
    }
    environment = {"HATCI_BASE_URL": sums.url, "HATCI_TOKEN": sums.token}
    output = start_rulebook("ota_finish_here", inventory_of(**variables, **PATHS), campaign, environment)
    asked = f"/api/v1/deployments/{line['deployment_id']}"
    wait_until(lambda: any(call["path"] == asked for call in sums.requests()), HUNG_SECONDS)
    assert sums.state()["test_events"][0]["status"] == "RUNNING", "it was finished before its deployment had ended"
    sums.set_deployment(line["deployment_id"], state="COMPLETE")

    wait_until(lambda: sums.state()["test_events"][0]["status"] != "RUNNING", HUNG_SECONDS)
    wait_until(lambda: "PLAY RECAP" in output.read_text(encoding="utf-8"), HUNG_SECONDS)
    controller.wait_until(lambda: controller.holder(HOST) is None)
    state = sums.state()
    (held,) = state["test_events"]
    assert (held["status"], held["metadata"]["outcome"]) == ("PASS", "PASS"), output.read_text()
    assert [len(state[kind]) for kind in ("events", "deployments", "test_events")] == [2, 1, 1]
