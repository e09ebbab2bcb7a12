# SPDX-License-Identifier: GPL-3.0-or-later
"""A test in a play of one's own ends as that of the playbook does: for whoever starts it and in SUMS."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable

import pytest
import yaml
from play_support import HOST, PLAYBOOKS, TEST_VARIABLES, VIN, inventory_of, is_locked

from hatci_lab.sums.process import SumsProcess

OTHER = "vehicle_002"
FAILING_VIN = "FA1LBH41JXMN10918"
LEVELS = [["2024.01.01", "2024.02.01"], ["2024.02.01", "2024.03.01"]]
OWN_PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: hatci.automation.hatci_ota_test
        apply: {tags: ota}
      tags: ota
      vars:
        hatci_source_build_level: "{{ item.0 }}"
        hatci_target_build_level: "{{ item.1 }}"
      loop: "{{ levels }}"
    - ansible.builtin.debug: {msg: "{{ inventory_hostname }} {{ ota_result.outcome }}"}
      tags: ota
"""
WITHOUT_DEVICE = {"jumpstarter_exporter_name": "", "jumpstarter_exporter_template": "", "ota_verify_ecus": False}
THEIR_OWN = ("test_event_id", "event_id", "created_at", "updated_at", "history")
Play = Callable[..., t.Any]


def records_of(sums: SumsProcess, vin: str) -> list[dict[str, t.Any]]:
    """Return the test events of a vehicle in their order, without what is different for any two tests."""
    records = [record for record in sums.state()["test_events"] if record["vin"] == vin]
    for record in records:
        record["summary"] = re.sub(r"deploy-\d+", "ID", record["summary"])
    return [{name: value for name, value in record.items() if name not in THEIR_OWN} for record in records]


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("style", "device", "other_vin", "outcome", "code"),
    [
        ({"serial": 1}, True, FAILING_VIN, "FAIL", 2),
        ({"strategy": "free"}, True, "1HGBH41JXMN109187", "PASS", 0),
        ({"serial": 1}, False, "1HGBH41JXMN109187", "PASS", 0),
        ({"strategy": "free"}, False, FAILING_VIN, "FAIL", 2),
    ],
    ids=["serial with a device", "free with a device", "serial", "free"],
)
def test_a_play_of_ones_own_ends_as_the_playbook_does(
    play_vehicle: Play,
    sums: SumsProcess,
    style: dict[str, t.Any],
    device: bool,
    other_vin: str,
    outcome: str,
    code: int,
) -> None:
    vins = {HOST: VIN, OTHER: other_vin}
    variables = {**TEST_VARIABLES, "jumpstarter_exporter_name": "{{ inventory_hostname }}"}
    variables |= {} if device else WITHOUT_DEVICE
    for name in ("hatci_vin", "hatci_source_build_level", "hatci_target_build_level"):
        del variables[name]
    inventory = yaml.safe_load(inventory_of(HOST, OTHER))
    inventory["all"]["hosts"] = {host: {"hatci_vin": vin} for host, vin in vins.items()}
    everything: dict[str, t.Any] = {"inventory": yaml.safe_dump(inventory), "variables": variables}
    (own,) = yaml.safe_load(OWN_PLAY)

    played = play_vehicle(yaml.safe_dump([{**own, **style, "vars": {"levels": LEVELS}}]), "--tags", "ota", **everything)

    assert played.returncode == code, played.output
    assert f"{HOST} PASS" in played.output
    by_own_play = {vin: records_of(sums, vin) for vin in vins.values()}
    assert [record["status"] for record in by_own_play[VIN]] == ["PASS", "PASS"]
    assert [record["status"] for record in by_own_play[other_vin]] == (["FAIL"] if code else ["PASS", "PASS"])
    assert by_own_play[other_vin][0]["metadata"]["outcome"] == outcome
    if device:
        assert not any(is_locked(played.home, host) for host in vins)

    sums.reset()
    source, target = LEVELS[0]
    variables |= {"hatci_source_build_level": source, "hatci_target_build_level": target}
    by_playbook = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", **everything)

    assert by_playbook.returncode == code, by_playbook.output
    for vin in vins.values():
        assert records_of(sums, vin) == by_own_play[vin][:1]


@pytest.mark.parametrize("given", ["", "ansible_job_id: manual, "])
def test_a_test_event_of_ones_own_names_the_job_of_the_platform(
    play_vehicle: Play, sums: SumsProcess, given: str
) -> None:
    task = f"hatci.automation.hatci_test_event: {{vin: {VIN}, {given}abort_with_play: false}}"
    connection = (
        "module_defaults: {group/hatci.automation.hatci: \"{{ lookup('hatci.automation.hatci_connection') }}\"}"
    )
    play = f"- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n      {connection}\n"

    played = play_vehicle(play, variables={"awx_job_id": 4711}, env={"JOB_ID": "7"})

    assert played.returncode == 0, played.output
    assert [record["ansible_job_id"] for record in sums.state()["test_events"]] == ["4711"]


@pytest.mark.newest_core
@pytest.mark.parametrize(("looks", "words"), [(0, "Fix the target event"), (1, "Deploy")])
def test_an_event_that_got_the_id_of_the_new_target_is_not_deployed(
    play_vehicle: Play, sums: SumsProcess, looks: int, words: str
) -> None:
    """SUMS lost its records between two steps, and gave the id to another event of the same vehicle."""
    sums.add_fault(
        kind="patch", method="GET", path="/events/ev-000002", body={"build_level": "1999.01.01"}, skip=looks, times=0
    )
    deploy = {"hatci.automation.hatci_deploy_event": {"event_id": "{{ target_event_id }}"}, "name": "Deploy"}
    connection = {"group/hatci.automation.hatci": "{{ lookup('hatci.automation.hatci_connection') }}"}
    tasks = [
        {"ansible.builtin.include_role": {"name": "hatci.automation.hatci_request_update"}},
        {**deploy, "module_defaults": connection},
    ]

    play = {"hosts": HOST, "gather_facts": False, "tasks": tasks}
    played = play_vehicle(yaml.safe_dump([play]), variables=TEST_VARIABLES)

    assert played.returncode == 2, played.output
    failed = [task for task in played.tasks if task.outcome == "failed"]
    assert [task.name.rpartition(" : ")[2] for task in failed] == [words]
    assert "SUMS answered about another event: build_level is '1999.01.01'" in failed[0].result["msg"]
    assert sums.state()["deployments"] == []
