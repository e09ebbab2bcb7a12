# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vehicle costs is the number of its tasks, most of all: for each of them Ansible forks a worker."""

from __future__ import annotations

import collections
import typing as t
from collections.abc import Callable

from play_support import PLAYBOOKS, TEST_VARIABLES

from hatci_lab.sums.process import SumsProcess

WITHOUT_DEVICE = {"jumpstarter_exporter_name": "", "jumpstarter_exporter_template": "", "ota_verify_ecus": False}
TASKS = {"ok": 22, "skipped": 7}
"""Of the plain test of one vehicle without a device. A growth is a decision; docs/PERFORMANCE.md says why."""


def test_a_plain_test_without_a_device_has_no_more_tasks_than_it_had(
    play_vehicle: Callable[..., t.Any], sums: SumsProcess
) -> None:
    played = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables={**TEST_VARIABLES, **WITHOUT_DEVICE})

    assert played.returncode == 0, played.output
    assert [item["status"] for item in sums.state()["test_events"]] == ["PASS"]
    names = [f"{task.outcome}: {task.name}" for task in played.tasks]
    assert collections.Counter(task.outcome for task in played.tasks) == TASKS, "\n".join(names)
