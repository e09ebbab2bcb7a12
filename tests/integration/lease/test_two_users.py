# SPDX-License-Identifier: GPL-3.0-or-later
"""Two users of one machine: neither gets the other's device, and each keeps reports of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from lease_support import ACQUIRE, RELEASE, LocalDevice, StartPlay, wait_for
from second_user import FIRST_UID, SECOND_UID, needs_second_user

from hatci_lab.sums.process import SumsProcess

pytestmark = [pytest.mark.newest_core, needs_second_user]

DRIVE = """
        - name: Drive
          hatci.automation.jumpstarter_shell:
            exporter: "{{ jumpstarter_exporter_name }}"
            commands: ["touch {{ ready }}; while [ ! -e {{ go_on }} ]; do sleep 0.1; done"]
            timeout: 120
"""
REPORT = """
    - hosts: localhost
      connection: local
      gather_facts: false
      module_defaults:
        group/hatci.automation.hatci: "{{ lookup('hatci.automation.hatci_connection') }}"
      tasks:
        - name: Report
          hatci.automation.hatci_test_event_update:
            test_event_id: "{{ test_event_id }}"
            status: FAIL
            keep_report_in: "{{ kept }}"
            retry_timeout: 0
"""


def test_a_killed_keeper_does_not_let_another_user_drive_as_well(
    start: StartPlay, local_device: LocalDevice, tmp_path: Path
) -> None:
    local_device.lock_dir.mkdir()
    local_device.lock_dir.chmod(0o1777)
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, FIRST_UID, FIRST_UID)
    variables = {"ready": str(shared / "ready"), "go_on": str(shared / "go"), "jumpstarter_lease_guard_timeout": 1}
    first = start(ACQUIRE + DRIVE + RELEASE, local_device, variables=variables, uid=FIRST_UID)
    first.until((shared / "ready").exists)
    for keeper in first.keepers():
        os.kill(keeper, signal.SIGKILL)
    second = start(ACQUIRE, local_device, variables=variables, uid=SECOND_UID)
    assert second.wait() == 2, second.output
    assert "did not become free within 1 s" in second.output
    (shared / "go").touch()
    first.wait()
    third = start(ACQUIRE + RELEASE, local_device, variables={"jumpstarter_lease_guard_timeout": 60}, uid=SECOND_UID)
    assert third.wait() == 0, third.output
    wait_for(local_device.is_free)


@pytest.fixture
def kept_by_second() -> Iterator[Path]:
    """Yield where the reports of the second user go if no other directory is theirs."""
    directory = Path(f"/var/tmp/hatci-unsent-reports-{SECOND_UID}")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize("mode", [0o700, 0o777], ids=["private", "open to all"])
def test_a_report_of_the_second_user_does_not_go_where_the_first_could_change_it(
    start: StartPlay, sums: SumsProcess, tmp_path: Path, kept_by_second: Path, mode: int
) -> None:
    asked = {"event_id": "pending", "ansible_job_id": "1", "git_sha": "x", "suite_name": "s"}
    made = sums.api("POST", "/test_events", {"vin": "1HGBH41JXMN109186", **asked}).json()
    sums.add_fault(kind="status", status=500, method="PATCH", path="/test_events/.*", times=0)
    of_first = tmp_path / "kept"
    of_first.mkdir()
    of_first.chmod(mode)
    os.chown(of_first, FIRST_UID, FIRST_UID)
    variables = {
        "hatci_base_url": sums.url,
        "hatci_token": sums.token,
        "kept": str(of_first),
        "test_event_id": made["test_event_id"],
    }
    play = start(REPORT, variables=variables, uid=SECOND_UID)
    assert play.wait() == 2, play.output
    assert not list(of_first.iterdir())
    (report,) = kept_by_second.iterdir()
    assert (report.stat().st_uid, json.loads(report.read_text())["status"]) == (SECOND_UID, "FAIL")
    assert str(report) in play.output
