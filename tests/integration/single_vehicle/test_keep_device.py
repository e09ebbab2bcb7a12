# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that stays leased after a test that failed, for whoever looks into it, and never without an end."""

from __future__ import annotations

import os
import shlex
import subprocess
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from play_support import HOST, PLAYBOOKS, TEST_VARIABLES, VIN

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import find_keeper
from ansible_collections.hatci.automation.plugins.module_utils._watchers.event_loop import RELEASE
from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess


@pytest.mark.newest_core
def test_a_device_stays_leased_after_a_test_that_failed_until_it_is_given_back(
    play_vehicle: Callable[..., t.Any], sums: SumsProcess, controller: ControllerProcess, core: Path
) -> None:
    sums.set_vehicle(VIN, outcome="FAILED", reason="battery low", update_seconds=0)
    device = {"jumpstarter_client_config": str(controller.client_config("alice")), "jumpstarter_exporter_template": ""}
    variables = {**TEST_VARIABLES, **device, "ota_verify_ecus": False, "ota_keep_device_seconds": 900}
    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables=variables)

    assert played.returncode == 2 and sums.state()["test_events"], played.output
    assert sums.state()["test_events"][0]["status"] == "FAIL"
    (lease,) = [lease for lease in controller.leases() if not lease["ended"]]
    assert controller.holder(HOST)["client"] == "alice"
    assert 900 <= lease["duration"] <= 900 + 600
    told = played.task("Tell the outcome")["msg"]
    assert "The device stays leased until " in told
    assert f"To enter it: jmp shell --lease {lease['name']} " in told
    command = shlex.split(told.partition("to give it back sooner: ")[2])
    subprocess.run([str(core / command[0]), *command[1:]], check=True, env={"HOME": str(played.home)})
    assert controller.holder(HOST) is None
    keeper = find_keeper(lease["name"])
    assert keeper, "the device would be given back by nobody"
    os.kill(keeper["pid"], RELEASE)  # else it notices within a minute that nothing is left to keep
