# SPDX-License-Identifier: GPL-3.0-or-later
"""No token shows in what ansible-runner leaves of a job for AAP: output, events, facts and what it hands on."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import pytest
import yaml
from aap_support import Ended, job_for_vehicle
from play_support import processes_of, wait_until
from playbook_runner import AnsiblePlaybook
from secrets_support import CANARY, KEEP_FACTS, TokenSearch, echo_in_records

from hatci_lab.controller.process import ControllerProcess
from hatci_lab.sums.process import SumsProcess

FAILURES: list[dict[str, t.Any]] = [
    {"hatci.automation.hatci_update_status": {"event_id": "bad-401"}},
    {"hatci.automation.hatci_health": {"hatci_base_url": "http://127.0.0.1:9", "retry_timeout": 0}},
    {"hatci.automation.jumpstarter_power": {"lease_name": "hatci-none", "state": "on"}},
]
AFTER: list[dict[str, t.Any]] = [
    *({**failure, "ignore_errors": True, "register": f"hatci_failure_{n}"} for n, failure in enumerate(FAILURES)),
    KEEP_FACTS,
]


@pytest.fixture(autouse=True)
def _watch_controller(search: TokenSearch, controller: ControllerProcess) -> None:
    search.watch(yaml.safe_load(controller.client_config("alice").read_text())["token"])


def search_what_is_left(search: TokenSearch, ended: Ended, directory: Path) -> None:
    """Assert that nothing shows in artifacts and other files, but for what AAP itself makes of its credentials.

    It removes ``env``, and shows no variable of the environment that a credential has set.
    """
    command = ended.artifacts_directory / "command"
    started = json.loads(command.read_text(encoding="utf-8"))
    assert started["env"].pop("HATCI_TOKEN") == CANARY
    command.write_text(json.dumps(started), encoding="utf-8")
    shutil.rmtree(ended.artifacts_directory.parents[1] / "env")
    search.count("plays")
    search.count("results", sum("res" in event.get("event_data", {}) for event in ended.events))
    search.files(directory)


@pytest.mark.newest_core
def test_no_token_shows_when_a_job_succeeds_and_hands_on_all_it_knows(
    ansible_playbook: AnsiblePlaybook, guarded: SumsProcess, controller: ControllerProcess, search: TokenSearch
) -> None:
    echo_in_records(guarded)
    guarded.add_fault(kind="status", path="/events/bad-401", status=401, body=f"Bearer {CANARY} expired", times=0)

    with job_for_vehicle(ansible_playbook, guarded, controller, verbosity=4, after=AFTER) as job:
        ended = job.wait()
    wait_until(lambda: not processes_of(ansible_playbook.directory))

    assert ended.status == "successful", ended.stdout
    search_what_is_left(search, ended, ansible_playbook.directory)
    (facts,) = (ended.artifacts_directory / "fact_cache").iterdir()
    kept = ended.handed_on["kept"]
    assert kept["hatci_final_state"] == "COMPLETE" and kept["hatci_failure_0"]["failed"]
    assert "hatci_final_state" in facts.read_text(encoding="utf-8")
    assert "********" in json.dumps(kept)


@pytest.mark.newest_core
def test_no_token_shows_when_a_job_fails(
    ansible_playbook: AnsiblePlaybook, guarded: SumsProcess, controller: ControllerProcess, search: TokenSearch
) -> None:
    echo_in_records(guarded, state="FAILED")

    with job_for_vehicle(ansible_playbook, guarded, controller, verbosity=4) as job:
        ended = job.wait()
    wait_until(lambda: not processes_of(ansible_playbook.directory))

    assert ended.status == "failed", ended.stdout
    search_what_is_left(search, ended, ansible_playbook.directory)
    (handed_on,) = ended.handed_on["ota_tests"].values()
    assert "because of ********" in handed_on["summary"]
