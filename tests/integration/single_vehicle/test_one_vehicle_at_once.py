# SPDX-License-Identifier: GPL-3.0-or-later
"""Two tests never update one vehicle at once, where no device keeps them apart either."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from play_support import HOST, PATHS, PLAYBOOKS, TEST_VARIABLES, VIN, inventory_of, processes_below, wait_until
from playbook_runner import AnsiblePlaybook, StartedPlay

from hatci_lab.sums.process import SumsProcess

WITHOUT_DEVICE = {"jumpstarter_exporter_name": "", "jumpstarter_exporter_template": "", "ota_verify_ecus": False}
WORDS = f"A test of VIN {VIN} is under way for"
ROLE = {"name": "Test", "ansible.builtin.include_role": {"name": "hatci.automation.hatci_ota_test"}}


class Runs:
    """Starts runs for one vehicle."""

    def __init__(self, ansible_playbook: AnsiblePlaybook, sums: SumsProcess) -> None:
        self._ansible_playbook = ansible_playbook
        self._variables = {
            **{**PATHS, **TEST_VARIABLES, **WITHOUT_DEVICE},
            **{"hatci_base_url": sums.url, "hatci_token": sums.token},
        }

    def __call__(self, playbook: t.Any, *hosts: str) -> StartedPlay:
        inventory = self._ansible_playbook.directory.parent / f"inventory{len(hosts)}.yml"
        inventory.write_text(inventory_of(*hosts), encoding="utf-8")
        return self._ansible_playbook.start(playbook, "-i", str(inventory), variables=self._variables)


@pytest.fixture
def runs(ansible_playbook: AnsiblePlaybook, sums: SumsProcess) -> t.Iterator[Runs]:
    sums.set_vehicle(VIN, update_seconds=600)
    yield Runs(ansible_playbook, sums)
    wait_until(lambda: not processes_below(ansible_playbook.directory.parent))


def complete(sums: SumsProcess) -> None:
    (deployment,) = sums.state()["deployments"]
    sums.set_deployment(deployment["deployment_id"], state="COMPLETE")


@pytest.mark.newest_core
def test_a_second_run_on_this_machine_creates_nothing_while_the_first_goes_on(runs: Runs, sums: SumsProcess) -> None:
    first = runs(PLAYBOOKS / "ota_single_vehicle.yml")
    wait_until(lambda: sums.state()["deployments"])
    second = runs(PLAYBOOKS / "ota_single_vehicle.yml")
    assert second.process.wait(240) == 2
    assert f"{WORDS} another run on this machine" in second.output.replace("\\n", " ")
    assert len(sums.state()["test_events"]) == 1 and len(sums.state()["events"]) == 2

    complete(sums)
    assert first.process.wait(240) == 0, first.output
    assert [event["status"] for event in sums.state()["test_events"]] == ["PASS"]


@pytest.mark.newest_core
def test_of_two_hosts_of_ones_own_play_that_are_one_vehicle_one_is_tested(runs: Runs, sums: SumsProcess) -> None:
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": [ROLE]}
    started = runs(yaml.safe_dump([play]), HOST, "vehicle_002")
    wait_until(lambda: sums.state()["deployments"] and WORDS in started.output.replace("\\n", " "))
    complete(sums)
    assert started.process.wait(240) == 2, started.output
    assert "of this run" in started.output.replace("\\n", " ")
    assert [event["status"] for event in sums.state()["test_events"]] == ["PASS"]
    assert len(sums.state()["deployments"]) == 1
