# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that outlives its play: the true outcome in the end, and nothing is created twice."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest
from play_support import PLAYBOOKS, TEST_VARIABLES, VIN, is_locked

from hatci_lab.sums.process import SumsProcess

Play = Callable[..., t.Any]


@pytest.mark.newest_core
def test_a_test_that_ran_out_of_time_says_how_to_go_on_and_goes_on(play_vehicle: Play, sums: SumsProcess) -> None:
    sums.set_vehicle(VIN, update_seconds=0)
    sums.set_vehicle(VIN, outcome="STUCK")
    first = play_vehicle(
        PLAYBOOKS / "ota_single_vehicle.yml", variables={**TEST_VARIABLES, "hatci_poll_timeout_seconds": 1}
    )
    assert first.returncode == 2
    state = sums.state()
    (test_event,), (deployment,) = state["test_events"], state["deployments"]
    ids = {"hatci_test_event_id": test_event["test_event_id"], "hatci_deployment_id": deployment["deployment_id"]}
    told = first.task("Tell the outcome")["msg"]
    assert "ansible-playbook hatci.automation.ota_resume" in told
    assert all(f"-e {name}={value}" in told for name, value in ids.items())

    sums.set_deployment(ids["hatci_deployment_id"], state="COMPLETE")
    resumed = play_vehicle(PLAYBOOKS / "ota_resume.yml", variables={**TEST_VARIABLES, "ota_verify_ecus": False, **ids})
    assert resumed.returncode == 0, resumed.output
    after = sums.state()
    assert [len(after[kind]) for kind in ("events", "deployments", "test_events")] == [2, 1, 1]
    (held,) = after["test_events"]
    assert (held["status"], held["metadata"]["outcome"]) == ("PASS", "PASS")
    assert held["metadata"]["resumed"]["job"] == "manual"
    assert [one["status"] for one in held["history"] if "status" in one] == ["FAIL", "PASS"]
    assert not is_locked(resumed.home)

    again = play_vehicle(PLAYBOOKS / "ota_resume.yml", variables={**TEST_VARIABLES, **ids})
    assert again.returncode == 2
    assert "has its outcome, PASS, which stands" in again.output
    assert len([call for call in sums.requests() if "status" in (call["body"] or {})]) == 2
