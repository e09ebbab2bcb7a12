# SPDX-License-Identifier: GPL-3.0-or-later
"""ota_single_vehicle.yml as a job of AAP: what AAP shows, what SUMS holds, and a cancel in the middle."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from aap_support import AAP, JOB_ID, Ended, Job, job_for_vehicle
from play_support import VIN, wait_until

from ansible_collections.hatci.automation.plugins.module_utils._outcome import verdict_of
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

Launch = Callable[..., Job]


@pytest.fixture
def launch(ansible_playbook: AnsiblePlaybook, sums: SumsProcess, controller: ControllerProcess) -> Launch:
    """Launch the job template for one vehicle, with the credentials of this lab."""
    return lambda **vehicle: job_for_vehicle(ansible_playbook, sums, controller, **vehicle)


def assert_no_secret(ended: Ended, sums: SumsProcess, controller: ControllerProcess) -> None:
    """Assert that neither token stands in what AAP stores and shows of a job."""
    shown = ended.stdout + json.dumps(ended.events)
    token = controller.client_config("alice").read_text().partition("token: ")[2].split()[0]
    assert len(token) > 20
    assert sums.token not in shown
    assert token not in shown


def test_a_job_leads_from_sums_to_aap_and_back(
    launch: Launch, sums: SumsProcess, controller: ControllerProcess
) -> None:
    with launch() as job:
        ended = job.wait()
    assert ended.status == "successful", ended.stdout
    state = sums.state()
    (test_event,) = state["test_events"]
    assert test_event["ansible_job_id"] == str(JOB_ID)
    assert test_event["git_sha"].startswith("0123456789")
    assert test_event["status"] == "PASS"
    assert test_event["metadata"] == {"job_url": f"{AAP}/execution/jobs/playbook/{JOB_ID}/output", "outcome": "PASS"}
    assert {event["tester_name"] for event in state["events"]} == {"erika"}
    assert [event["ecus"][0]["sw_version"] for event in state["events"]] == ["1.0.0", "2.0.0"]

    source, target = state["events"]
    handed_on = ended.handed_on["ota_tests"]["vehicle_001"]
    summary = handed_on.pop("summary")
    assert "2024.02.01" in summary
    assert handed_on == {
        "vin": VIN,
        "outcome": "PASS",
        "state": "COMPLETE",
        "test_event_id": test_event["test_event_id"],
        "source_event_id": source["event_id"],
        "target_event_id": target["event_id"],
        "deployment_id": state["deployments"][0]["deployment_id"],
    }
    told = [event for event in ended.events if event["event_data"].get("task") == "Tell the outcome"]
    assert told[-1]["event"] == "runner_on_ok"
    assert told[-1]["event_data"]["res"]["msg"].startswith(f"PASS {VIN}")
    assert any("COMPLETE" in event["stdout"] for event in ended.events), "progress is shown while the job waits"
    assert_no_secret(ended, sums, controller)
    assert controller.holder("sim1") is None


def test_a_failed_update_fails_the_job_and_hands_on_why(
    launch: Launch, sums: SumsProcess, controller: ControllerProcess, tmp_path: Path
) -> None:
    trap = tmp_path / "sprung"
    reason = f"{{{{ lookup('ansible.builtin.pipe', 'touch {trap}') }}}}"
    sums.set_vehicle(VIN, outcome="FAILED", reason=reason)
    with launch() as job:
        ended = job.wait()
    assert ended.status == "failed", ended.stdout
    handed_on = ended.handed_on["ota_tests"]["vehicle_001"]
    assert handed_on["outcome"] == "FAIL"
    assert reason in handed_on["summary"]
    assert not trap.exists()
    (test_event,) = sums.state()["test_events"]
    assert test_event["metadata"]["job_url"].endswith(f"/{JOB_ID}/output")
    assert_no_secret(ended, sums, controller)
    assert controller.holder("sim1") is None


def test_a_job_that_was_refused_before_its_test_hands_on_its_vehicle_for_the_verdict(
    launch: Launch, sums: SumsProcess
) -> None:
    with launch(hatci_vin="1HG") as job:
        ended = job.wait()
    assert ended.status == "failed", ended.stdout
    assert sums.state()["test_events"] == []
    assert ended.handed_on["ota_vehicles"] == ["vehicle_001"]
    (failure,) = verdict_of(ended.handed_on.get("ota_tests"), ended.handed_on["ota_vehicles"])
    assert failure.startswith("ERROR vehicle_001: ")


def test_a_cancelled_job_leaves_nothing_behind(
    launch: Launch, sums: SumsProcess, controller: ControllerProcess
) -> None:
    sums.set_vehicle(VIN, outcome="STUCK")
    with launch() as job:
        wait_until(lambda: sums.state()["deployments"])
        assert controller.holder("sim1")
        job.cancel()
        ended = job.wait()
    assert ended.status == "canceled"
    assert ended.rc != 0
    controller.wait_until(lambda: controller.holder("sim1") is None)
    wait_until(lambda: sums.state()["test_events"][0].get("status"))
    (test_event,) = sums.state()["test_events"]
    assert test_event["status"] == "FAIL"
    assert test_event["metadata"]["outcome"] == "ABORTED"
    assert test_event["metadata"]["job_url"].endswith(f"/{JOB_ID}/output")
    assert str(JOB_ID) in test_event["summary"]
    assert_no_secret(ended, sums, controller)
