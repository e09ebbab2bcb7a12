# SPDX-License-Identifier: GPL-3.0-or-later
"""A verification of the lab that uses the modules of this collection for things of its own."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from evidence_support import validate
from play_support import HOME, PLAYBOOKS, TEST_VARIABLES, VIN

from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of
from hatci_lab.sums.process import SumsProcess

OF_THE_LAB = """
- name: Do as this lab does
  module_defaults:
    group/hatci.automation.hatci: "{{ lookup('hatci.automation.hatci_connection') }}"
  block:
    - name: Ask how the update is
      hatci.automation.hatci_update_status:
        deployment_id: "{{ __hatci_ota_test_deployment.deployment_id }}"

    - name: Offer something to the bench
      hatci.automation.hatci_create_event:
        vin: PEER0000000000001
        region: US
        program_name: Bench
        model_year: "2020"
        build_level: BENCH
        update_type: UROM
        tester_name: lab
        ecus: [{ecu_name: Bench, part_number: B-1, sw_version: "9.9.9"}]
      register: offered

    - name: Fix it
      hatci.automation.hatci_fix_event:
        event_id: "{{ offered.event_id }}"

    - name: Deploy it to the bench
      hatci.automation.hatci_deploy_event:
        event_id: "{{ offered.event_id }}"
        vin: PEER0000000000001
      register: deployed

    - name: See that the bench refuses it
      block:
        - name: Wait for the bench
          ansible.builtin.include_role:
            name: hatci.automation.hatci_wait_for_update
          vars:
            hatci_deployment_id: "{{ deployed.deployment_id }}"
            hatci_event_id: "{{ offered.event_id }}"
            hatci_vin: PEER0000000000001
      rescue:
        - name: Go on
          ansible.builtin.debug:

    - name: Have a test event for the bench
      hatci.automation.hatci_test_event:
        vin: PEER0000000000001
        abort_with_play: false
      register: tested

    - name: End it
      hatci.automation.hatci_test_event_update:
        test_event_id: "{{ tested.test_event_id }}"
        status: FAIL
        summary: The bench is dark.
        metadata: {outcome: FAIL}
"""


@pytest.mark.newest_core
def test_what_a_lab_does_to_another_vehicle_is_in_no_part_of_the_record_but_its_steps(
    play_vehicle: t.Any, sums: SumsProcess, tmp_path: Path
) -> None:
    sums.set_vehicle("PEER0000000000001", outcome="FAILED", update_seconds=0)
    tasks = tmp_path / "own.yml"
    tasks.write_text(OF_THE_LAB, encoding="utf-8")
    variables = {**TEST_VARIABLES, "ota_verify_tasks": str(tasks), "ota_evidence_dir": f"{HOME}/evidence"}

    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables=variables)

    assert played.returncode == 0, played.output
    record = json.loads(next(played.home.glob("evidence/*/record.json")).read_text(encoding="utf-8"))
    validate(record)
    state = sums.state()
    own = {kind: [each for each in state[kind] if each["vin"] == VIN] for kind in ("test_events", "events")}
    (test_event,) = own["test_events"]
    assert record["outcome"] == outcome_of(record) == record["reported"] == test_event["metadata"]["outcome"] == "PASS"
    assert record["ids"]["test_event_id"] == test_event["test_event_id"]
    assert [record["ids"][f"{name}_event_id"] for name in ("source", "target")] == [
        event["event_id"] for event in own["events"]
    ]
    deployment = next(each for each in state["deployments"] if each["event_id"] == record["ids"]["target_event_id"])
    assert record["deployment"]["id"] == deployment["deployment_id"]
    assert (record["deployment"]["state"], record["deployment"]["succeeded"]) == (deployment["state"], True)
    assert record["software"]["target"]["build_level"] == TEST_VARIABLES["hatci_target_build_level"]
    by_lab = [step["module"] for step in record["steps"] if step.get("is_of_lab")]
    assert by_lab.count("hatci_update_status") == 2 and "hatci_test_event_update" in by_lab
    assert not [step for step in record["steps"] if step.get("is_of_lab") and step["module"] == "jumpstarter_lease"]
