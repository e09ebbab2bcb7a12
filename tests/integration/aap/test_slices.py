# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in slices: each is a job with a part of the inventory, and one verdict knows them all."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from aap_support import ANSWERS, REPOSITORY, Job

from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

VINS = {f"vehicle_{number:03}": f"1HGBH41JXMN{number:06}" for number in range(1, 5)}
SLICES = 2


@pytest.mark.newest_core
def test_each_slice_sums_up_its_own_vehicles_and_the_verdict_knows_all(
    ansible_playbook: AnsiblePlaybook, sums: SumsProcess
) -> None:
    sums.set_vehicle(VINS["vehicle_001"], outcome="FAILED", reason="Gateway refused the image")
    with contextlib.ExitStack() as running:
        jobs = [running.enter_context(slice_of(ansible_playbook, sums, number)) for number in range(SLICES)]
        slices = [job.wait() for job in jobs]

    moments = [sorted(event["created"] for event in ended.events) for ended in slices]
    assert max(one[0] for one in moments) < min(one[-1] for one in moments), "they ran one after the other"
    assert [ended.status for ended in slices] == ["failed", "successful"]
    totals = ["1 of 2 vehicles failed (1 PASS, 1 FAIL)", "0 of 2 vehicles failed (2 PASS)"]
    for ended, total, vehicles in zip(slices, totals, ("13", "24"), strict=True):
        assert total in ended.stdout
        assert sorted(ended.handed_on["ota_tests"]) == [f"vehicle_00{number}" for number in vehicles]

    assert "To run only those 1 again, give a job of AAP ota_hosts: vehicle_001" in slices[0].stdout
    assert [ended.handed_on.get("ota_hosts_again") for ended in slices] == ["vehicle_001", None]

    # As AAP does, where jobs hand on the same name: the last one wins.
    handed_on = {name: value for ended in slices for name, value in ended.handed_on.items()}
    verdict = ansible_playbook(REPOSITORY / "playbooks/ota_verdict.yml", variables=handed_on)
    assert verdict.returncode == 2
    assert verdict.task("Decide")["msg"].startswith("FAIL vehicle_001: ")
    handed_on["ota_fleet_max_fail_percentage"] = 25
    assert ansible_playbook(REPOSITORY / "playbooks/ota_verdict.yml", variables=handed_on).returncode == 0


def slice_of(ansible_playbook: AnsiblePlaybook, sums: SumsProcess, number: int) -> Job:
    """Return the job of a slice, which has every second vehicle."""
    shared = {"hatci_program_name": "OTA_Test", "hatci_model_year": "2024", "hatci_region": "US"}
    names = sorted(VINS)[number::SLICES]
    hosts = {name: {**shared, "hatci_vin": VINS[name], "hatci_poll_interval_seconds": 0.2} for name in names}
    credentials = {"HATCI SUMS": {"base_url": sums.url, "token": sums.token}}
    answers = {**ANSWERS, "ota_hosts": "all"}
    return Job(ansible_playbook, "HATCI OTA fleet test", credentials, answers, hosts, job_id=101 + number)
