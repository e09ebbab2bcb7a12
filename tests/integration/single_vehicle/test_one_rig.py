# SPDX-License-Identifier: GPL-3.0-or-later
"""Two jobs whose vehicles are plugged into one rig, one after the other: each drives its own."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from play_support import (
    HOST,
    NEW,
    OLD,
    PLAYBOOKS,
    TEST_VARIABLES,
    VIN,
    inventory_of,
    processes_below,
    wait_until,
)
from playbook_runner import AnsiblePlaybook, StartedPlay

from hatci_lab.sums.process import SumsProcess

OTHER_VIN = "KMHXX00XXXX000002"


@pytest.mark.newest_core
@pytest.mark.parametrize("cleans_up", [False, True])
def test_a_job_that_waits_changes_nothing_of_what_another_drives(
    ansible_playbook: AnsiblePlaybook,
    sums: SumsProcess,
    start_sums: Callable[..., SumsProcess],
    tmp_path: Path,
    cleans_up: bool,
) -> None:
    """The vehicle of the first job has the old software still; the config of the second leads to one with the new."""
    world = start_sums()
    for vin, ecus in ((VIN, OLD), (OTHER_VIN, NEW)):
        sums.set_vehicle(vin, update_seconds=600)
        world.set_vehicle(vin, ecus=ecus)
    exporters = tmp_path / "etc/exporters"
    exporters.mkdir(parents=True)
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(inventory_of(), encoding="utf-8")

    def start(vin: str) -> StartedPlay:
        home = ansible_playbook.new_home()
        (home / ".config/jumpstarter").mkdir(parents=True)
        (home / ".config/jumpstarter/exporters").symlink_to(exporters)
        variables: dict[str, t.Any] = {
            **{**TEST_VARIABLES, "hatci_vin": vin, "hatci_base_url": sums.url, "hatci_token": sums.token},
            **{"hatci_lab_sums_url": world.url, "jumpstarter_exporter_cleanup": cleans_up},
            "jumpstarter_exporters_dir": str(tmp_path / "etc/exporters.d"),
            "jumpstarter_exporter_config_link_dir": str(exporters),
            "jumpstarter_lease_guard_lock_dir": str(tmp_path / "locks"),
        }
        playbook = PLAYBOOKS / "ota_single_vehicle.yml"
        return ansible_playbook.start(playbook, "-i", str(inventory), variables=variables, home=home)

    def deployed(number: int) -> str:
        wait_until(lambda: len(sums.state()["deployments"]) == number)
        return str(sums.state()["deployments"][-1]["deployment_id"])

    first = start(VIN)
    deployment = deployed(1)
    second = start(OTHER_VIN)
    wait_until(lambda: "Acquire the device" in second.output)
    sums.set_deployment(deployment, state="COMPLETE")
    assert first.process.wait(240) == 2, first.output
    sums.set_deployment(deployed(2), state="COMPLETE")
    assert second.process.wait(240) == 0, second.output
    wait_until(lambda: not processes_below(ansible_playbook.directory))

    outcomes = {event["vin"]: event["metadata"]["outcome"] for event in sums.state()["test_events"]}
    assert outcomes == {VIN: "FAIL", OTHER_VIN: "PASS"}
    assert [path.name for path in (tmp_path / "etc/exporters.d").iterdir()] == ([] if cleans_up else [f"{HOST}.yaml"])
