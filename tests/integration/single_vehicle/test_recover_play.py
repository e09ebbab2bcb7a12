# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ota_recover: what it lists and does, and what it says where AAP or SUMS is away."""

from __future__ import annotations

import datetime
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from play_support import PLAYBOOKS, VIN
from sums_support import run_module

from hatci_lab.aap.process import AapProcess
from hatci_lab.sums.process import SumsProcess

JOB = 41


@pytest.fixture
def aap(tmp_path: Path) -> Iterator[AapProcess]:
    """Return an AAP without jobs."""
    with AapProcess(tmp_path / "aap.log") as running:
        yield running


@pytest.mark.newest_core
def test_a_test_that_its_job_left_is_listed_told_of_and_closed(
    play_vehicle: Callable[..., t.Any], sums: SumsProcess, aap: AapProcess
) -> None:
    made = run_module("hatci_test_event", sums.url, {"vin": VIN, "ansible_job_id": str(JOB), "suite_name": "suite"})
    told = {"host": "vehicle_001", "task_action": "hatci.automation.hatci_test_event", "res": made}
    now = datetime.datetime.now(datetime.UTC).isoformat()
    aap.put_job(JOB, name="HATCI OTA test", status="canceled", finished=now)
    aap.add_events(JOB, [{"event": "runner_on_ok", "created": now, "event_data": told}])
    sums.clear_requests()

    def recover(*arguments: str, **environment: str) -> t.Any:
        variables = {"jumpstarter_lease_guard_mode": "local", "ota_recover_grace_seconds": 0, "hatci_retry_timeout": 0}
        environment = {**aap.environment, **environment}
        return play_vehicle(PLAYBOOKS / "ota_recover.yml", *arguments, variables=variables, env=environment)

    listed = recover("--check")
    assert listed.returncode == 0, listed.output
    assert f"job 41 (vehicle_001): test event {made['test_event_id']} would be closed" in listed.output
    away = recover(CONTROLLER_HOST="http://127.0.0.1:9")
    assert away.returncode == 2
    assert "AAP gave no answer" in away.task("Recover")["msg"]
    assert away.task("Recover")["msg"].endswith("Nothing was closed or released.")
    assert sums.requests() == []

    sums.add_fault(kind="status", status=503, path="/test_events/.*", times=0)
    away = recover()
    assert away.returncode == 2
    assert "of job 41 was not closed: " in away.task("Recover")["msg"]
    assert away.task("Recover")["msg"].endswith("Run the recovery again later: what is done stays done.")
    sums.clear_faults()

    closed = recover()
    assert closed.returncode == 0, closed.output
    assert f"job 41 (vehicle_001): test event {made['test_event_id']} closed, ABORTED: " in closed.output
    (held,) = sums.state()["test_events"]
    assert (held["status"], held["metadata"]["outcome"]) == ("FAIL", "ABORTED")
