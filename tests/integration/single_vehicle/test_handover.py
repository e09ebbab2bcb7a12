# SPDX-License-Identifier: GPL-3.0-or-later
"""A test in two halves: the first ends with the deployment, the second finishes it, with the lease of the first."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable

import pytest
from play_support import HOME, HOST, PLAYBOOKS, TEST_VARIABLES, VIN

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess


@pytest.mark.newest_core
def test_a_test_that_was_handed_over_stays_open_and_is_finished_with_the_lease_that_was_handed_on(
    play_vehicle: Callable[..., t.Any], sums: SumsProcess, controller: ControllerProcess
) -> None:
    sums.set_vehicle(VIN, update_seconds=0)
    earlier = {lease["name"] for lease in controller.leases()}
    device = {"jumpstarter_client_config": str(controller.client_config("alice")), "jumpstarter_exporter_template": ""}
    handover = {"ota_handover_lease_seconds": 900, "ota_deployments_file": f"{HOME}/deployments.jsonl"}
    variables = {**TEST_VARIABLES, **device, **handover, "ota_verify_ecus": False}
    begun = play_vehicle(PLAYBOOKS / "ota_begin.yml", variables=variables)

    assert begun.returncode == 0, begun.output
    (test_event,) = sums.state()["test_events"]
    line = json.loads((begun.home / "deployments.jsonl").read_text(encoding="utf-8"))
    assert (line["host"], line["test_event_id"]) == (HOST, test_event["test_event_id"])
    assert controller.holder(HOST)["name"] == line["lease_name"]

    ids = {"hatci_test_event_id": line["test_event_id"], "hatci_deployment_id": line["deployment_id"]}
    finished = play_vehicle(PLAYBOOKS / "ota_resume.yml", variables={**variables, **ids})

    assert finished.returncode == 0, finished.output
    state = sums.state()
    assert [len(state[kind]) for kind in ("events", "deployments", "test_events")] == [2, 1, 1]
    (held,) = state["test_events"]
    assert (held["status"], held["metadata"]["outcome"]) == ("PASS", "PASS")
    assert [change["status"] for change in held["history"] if "status" in change] == ["PASS"]
    assert {lease["name"] for lease in controller.leases()} - earlier == {line["lease_name"]}
    assert controller.holder(HOST) is None
