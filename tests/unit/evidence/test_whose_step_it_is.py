# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose task a step is, and whether its failure is what ends the test."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, journal
from ansible_collections.hatci.automation.plugins.plugin_utils import origin
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import GOES_ON, VARIABLE, JournaledStep

TASKS = Path(__file__).parents[3] / "roles/hatci_ota_test/tasks"
ROLE = f"{origin.OWN}/roles/hatci_ota_test/tasks/verify.yml"
OTHER_ROLE = f"{origin.OWN}/roles/hatci_wait_for_update/tasks/main.yml"
PLAYBOOK = f"{origin.OWN}/playbooks/ota_single_vehicle.yml"
LAB = "/srv/lab/verify.yml"
OF_USER = "/srv/lab/site.yml"

END_THE_TEST = {
    "main.yml: Prove an OTA update",
    "resume.yml: Prove the rest of an OTA update",
    "hand_over.yml: Begin an OTA update",
    "suite_step.yml: Make the step",
    "refused.yml: Judge a request that SUMS was to refuse",
}
ONLY_EVIDENCE = {"publish.yml: Publish the evidence", "tell.yml: Finish the evidence"}


def task_in(*paths: str, **given: t.Any) -> t.Any:
    """Return a task in the first of some files, which the others have included, each within a block."""
    parent = None
    for path in reversed(paths):
        task = types.SimpleNamespace(action="x.y.z", get_path=lambda path=path: f"{path}:7", _parent=parent)
        parent = types.SimpleNamespace(_parent=task)
    task.__dict__.update(given)
    return task


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([LAB, ROLE, PLAYBOOK], True),
        ([LAB, ROLE, OF_USER], True),
        ([OTHER_ROLE, LAB, ROLE, OF_USER], True),
        ([ROLE, PLAYBOOK], False),
        ([ROLE, OF_USER], False),
        ([OTHER_ROLE, ROLE, OF_USER], False),
        ([OTHER_ROLE, OF_USER], False),
        ([LAB, OF_USER], False),
        ([OF_USER], False),
    ],
)
def test_a_task_is_of_the_lab_if_a_file_of_the_lab_brought_it_into_a_test(paths: list[str], expected: bool) -> None:
    assert origin.is_of_lab(task_in(*paths)) is expected


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_step_that_a_role_rescues_is_not_what_ends_a_test_whose_play_is_killed(goes_on: bool, tmp_path: Path) -> None:
    directory = bundle.start(tmp_path, {"host": "vehicle_001"}, None)
    about = {"name": "Prove it", "action": "jumpstarter_disturbance", "args": {}, "check_mode": False}
    task = task_in(ROLE, PLAYBOOK, **about, ignore_errors=None, failed_when=[])
    JournaledStep(task, {VARIABLE: str(directory), GOES_ON: goes_on}, {}, False).end({"failed": True, "msg": "Not so."})
    assert journal.read(directory).lines[-1]["is_ignored"] is goes_on
    _directory, record = bundle.bundle(directory, {"ended_by": "closer"}, None)
    assert (record["failure"] or {}).get("step") == (None if goes_on else "Prove it")


def blocks_of(tasks: list[dict[str, t.Any]]) -> t.Iterator[dict[str, t.Any]]:
    """Yield every block, those within others too."""
    for task in tasks:
        if "block" in task:
            yield task
        for part in ("block", "rescue", "always"):
            yield from blocks_of(task.get(part, []))


def test_each_block_that_is_rescued_says_whether_the_test_goes_on() -> None:
    """One that does not would have the closer report its failure, should the play be killed later."""
    silent = {
        f"{path.name}: {block['name']}"
        for path in TASKS.glob("*.yml")
        for block in blocks_of(yaml.safe_load(path.read_text(encoding="utf-8")))
        if "rescue" in block and not block.get("vars", {}).get(GOES_ON)
    }
    assert silent == END_THE_TEST | ONLY_EVIDENCE
