# SPDX-License-Identifier: GPL-3.0-or-later
"""A test whose device another job had meanwhile is no PASS, whatever SUMS says of the update."""

from __future__ import annotations

import contextlib
import datetime
import typing as t
from pathlib import Path

import psutil
import pytest
import yaml
from jumpstarter.config.client import ClientConfigV1Alpha1
from play_support import (
    EXPORTER,
    HOST,
    PATHS,
    PLAYBOOKS,
    TEST_VARIABLES,
    VIN,
    inventory_of,
    processes_below,
    wait_until,
)
from playbook_runner import AnsiblePlaybook

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess


def keepers_below(directory: Path) -> list[psutil.Process]:
    """Return the keepers whose log is below a directory."""
    found = []
    for process in processes_below(directory):
        with contextlib.suppress(psutil.Error):
            if "keeper_process" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.newest_core
def test_a_vehicle_that_another_job_had_meanwhile_is_an_error(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess, controller: ControllerProcess, tmp_path: Path
) -> None:
    sums.set_vehicle(VIN, update_seconds=600)
    of_bob = tmp_path / f"{HOST}.yaml"
    alice, bob = (ClientConfigV1Alpha1.from_file(controller.client_config(name)) for name in ("alice", "bob"))
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    variables = {
        **{**PATHS, **TEST_VARIABLES, "hatci_base_url": sums.url, "hatci_token": sums.token},
        **{"jumpstarter_client_config": str(controller.client_config("alice")), "jumpstarter_exporter_template": ""},
        **{"jumpstarter_exporters_dir": str(tmp_path), "jumpstarter_exporter_cleanup": True},
        "ota_verify_ecus": False,
    }
    play = ansible_playbook.start(PLAYBOOKS / "ota_single_vehicle.yml", "-i", str(inventory), variables=variables)
    wait_until(lambda: sums.state()["deployments"])

    held = controller.holder(HOST)
    assert held
    alice.delete_lease(held["name"])
    taken = bob.create_lease(selector=f"exporter={HOST}", duration=datetime.timedelta(minutes=10))
    wait_until(lambda: (controller.holder(HOST) or {}).get("name") == taken.name)
    of_bob.touch()
    (deployment,) = sums.state()["deployments"]
    sums.set_deployment(deployment["deployment_id"], state="COMPLETE")
    assert play.process.wait(240) == 2

    (test_event,) = sums.state()["test_events"]
    assert (test_event["status"], test_event["metadata"]["outcome"]) == ("FAIL", "ERROR"), test_event
    assert [change["status"] for change in test_event["history"] if "status" in change] == ["FAIL"]
    assert (controller.holder(HOST) or {}).get("name") == taken.name, "it is bob's, and nobody gives it back for him"
    assert "another job may have had the vehicle" in play.output
    assert of_bob.exists(), "he drives the device by it"


@pytest.mark.newest_core
@pytest.mark.parametrize("trouble", ["ran out", "was shortened", "is not taken back"])
def test_a_success_without_proof_of_its_lease_is_an_error(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess, controller: ControllerProcess, trouble: str
) -> None:
    """The lease ran out, its keeper dead or alive, and the controller deletes it like one that is held; or does not."""
    sums.set_vehicle(VIN, update_seconds=600)
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    variables = {
        **{**PATHS, **TEST_VARIABLES, "hatci_base_url": sums.url, "hatci_token": sums.token},
        **{"jumpstarter_client_config": str(controller.client_config("alice")), "jumpstarter_exporter_template": ""},
        **{"ota_verify_ecus": False, "jumpstarter_lease_guard_release_timeout": 1},
        **{"jumpstarter_lease_guard_was_held": True, "jumpstarter_lease_guard_since": ""},
    }
    play = ansible_playbook.start(PLAYBOOKS / "ota_single_vehicle.yml", "-i", str(inventory), variables=variables)
    wait_until(lambda: sums.state()["deployments"])

    if trouble != "is not taken back":
        keepers = keepers_below(ansible_playbook.directory.parent)
        assert keepers
        keepers = keepers if trouble == "ran out" else []
        for keeper in keepers:
            keeper.kill()
        psutil.wait_procs(keepers)
        alice, bob = (ClientConfigV1Alpha1.from_file(controller.client_config(name)) for name in ("alice", "bob"))
        held = controller.holder(HOST)
        assert held
        alice.update_lease(held["name"], duration=datetime.timedelta(seconds=1))
        taken = bob.create_lease(selector=f"exporter={HOST}", duration=datetime.timedelta(minutes=10))
        wait_until(lambda: (controller.holder(HOST) or {}).get("name") == taken.name)
    else:
        controller.fault("unavailable", methods=["DeleteLease"], message="out of order")
    (deployment,) = sums.state()["deployments"]
    sums.set_deployment(deployment["deployment_id"], state="COMPLETE")
    assert play.process.wait(240) == 2
    controller.clear_faults()
    wait_until(lambda: not keepers_below(ansible_playbook.directory.parent))

    (test_event,) = sums.state()["test_events"]
    assert (test_event["status"], test_event["metadata"]["outcome"]) == ("FAIL", "ERROR"), test_event
    words = "another job may have had the vehicle"
    words = "it is not known whether its lease held" if trouble == "is not taken back" else words
    assert words in test_event["summary"] and words in play.output.replace("\\n", " ")


def guard(tasks_from: str) -> dict[str, t.Any]:
    """Return a task that acquires a device, or gives it back."""
    role = {"name": "hatci.automation.jumpstarter_lease_guard", "tasks_from": tasks_from}
    return {"name": "Lease", "ansible.builtin.include_role": role}


WORK = [
    {"name": "Request", "ansible.builtin.include_role": {"name": "hatci.automation.hatci_request_update"}},
    {
        "name": "Deploy",
        "hatci.automation.hatci_deploy_event": {"event_id": "{{ target_event_id }}"},
        "register": "deployment",
    },
    {
        "name": "Wait",
        "ansible.builtin.include_role": {"name": "hatci.automation.hatci_wait_for_update"},
        "vars": {"hatci_deployment_id": "{{ deployment.deployment_id }}"},
    },
]
REPORT = {
    "name": "Report",
    "ansible.builtin.include_role": {"name": "hatci.automation.hatci_report_results"},
    "vars": {
        "hatci_test_event_id": "{{ test_event.test_event_id }}",
        "hatci_test_status": "{{ 'PASS' if hatci_final_state == 'COMPLETE' else 'FAIL' }}",
        "hatci_test_summary": "It ended {{ hatci_final_state }}.",
    },
}


def own_playbook(reports: str) -> str:
    """Return a playbook in the shape of the walkthrough, which reports in its block or after it."""
    block = {
        "name": "Protected",
        "block": [guard("main"), *WORK, *([REPORT] if reports == "in the block" else [])],
        "always": [guard("always")],
    }
    begin = {
        "name": "Begin",
        "hatci.automation.hatci_test_event": {"vin": VIN, "suite_name": "own"},
        "register": "test_event",
    }
    connection = {"hatci_base_url": "{{ hatci_base_url }}", "hatci_token": "{{ hatci_token }}"}
    play = {
        "hosts": HOST,
        "gather_facts": False,
        "module_defaults": {"group/hatci.automation.hatci": connection},
        "tasks": [begin, block, *([REPORT] if reports == "after it" else [])],
    }
    return yaml.safe_dump([play])


@pytest.mark.newest_core
@pytest.mark.parametrize("is_lost", [True, False], ids=["lost", "held"])
@pytest.mark.parametrize("reports", ["in the block", "after it"])
def test_ones_own_playbook_reports_no_verdict_whose_lease_was_lost(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess, controller: ControllerProcess, reports: str, is_lost: bool
) -> None:
    sums.set_vehicle(VIN, update_seconds=600)
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    variables = {
        **{**PATHS, **TEST_VARIABLES, "hatci_base_url": sums.url, "hatci_token": sums.token},
        **{"jumpstarter_client_config": str(controller.client_config("alice"))},
    }
    play = ansible_playbook.start(own_playbook(reports), "-i", str(inventory), variables=variables)
    wait_until(lambda: sums.state()["deployments"])
    held = controller.holder(EXPORTER)
    assert held
    if is_lost:
        ClientConfigV1Alpha1.from_file(controller.client_config("alice")).delete_lease(held["name"])
    (deployment,) = sums.state()["deployments"]
    sums.set_deployment(deployment["deployment_id"], state="COMPLETE")
    assert play.process.wait(240) == (2 if is_lost else 0), play.output
    wait_until(lambda: not processes_below(ansible_playbook.directory.parent))

    (test_event,) = sums.state()["test_events"]
    outcome = ("FAIL", "ERROR") if is_lost else ("PASS", "PASS")
    assert (test_event["status"], test_event["metadata"]["outcome"]) == outcome, test_event
    assert ("another job may have had the vehicle" in test_event["summary"]) is is_lost
    if is_lost:
        assert "another job may have had the vehicle" in play.output.replace("\\n", " ")


@pytest.mark.newest_core
def test_an_outcome_that_another_job_reported_is_not_overwritten_by_ones_own_playbook(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess, controller: ControllerProcess
) -> None:
    sums.set_vehicle(VIN, update_seconds=600)
    inventory = ansible_playbook.directory.parent / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")
    variables = {
        **{**PATHS, **TEST_VARIABLES, "hatci_base_url": sums.url, "hatci_token": sums.token},
        **{"jumpstarter_client_config": str(controller.client_config("alice"))},
    }
    play = ansible_playbook.start(own_playbook("after it"), "-i", str(inventory), variables=variables)
    wait_until(lambda: sums.state()["deployments"])
    (test_event,) = sums.state()["test_events"]
    told = {"status": "FAIL", "summary": "The gateway did not start.", "metadata": {"outcome": "FAIL"}}
    sums.api("PATCH", f"/test_events/{test_event['test_event_id']}", told)
    (deployment,) = sums.state()["deployments"]
    sums.set_deployment(deployment["deployment_id"], state="COMPLETE")
    assert play.process.wait(240) == 2, play.output
    wait_until(lambda: not processes_below(ansible_playbook.directory.parent))

    (test_event,) = sums.state()["test_events"]
    assert (test_event["status"], test_event["summary"]) == ("FAIL", "The gateway did not start.")
    assert "has its outcome, FAIL, which stands" in play.output.replace("\\n", " ")
