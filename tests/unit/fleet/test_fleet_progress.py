# SPDX-License-Identifier: GPL-3.0-or-later
"""One line a minute tells how far a fleet is, whichever worker shows it."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.task import Task

from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_progress import FleetProgress


def task_of_a_play() -> Task:
    play = Play.load({"hosts": "localhost", "gather_facts": False})
    return Task(block=Block(play=play))


def test_one_line_a_minute_for_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    owner, task = Owner.of(os.getpid()), task_of_a_play()
    now = time.time() + 3600
    shown: list[str] = []
    workers = [FleetProgress(owner, task, 3, shown.append, lambda: now) for _unused in range(3)]

    for worker in workers:
        worker.remind("deployment 1: IN_PROGRESS")
    assert [line.rpartition(",")[0] for line in shown] == ["0 of 3 vehicles ended, 0 failed"]

    workers[0].note_end("vehicle 001", "PASS")
    workers[1].note_end("vehicle 002", "TIMEOUT")
    now += 59
    workers[2].remind("")
    assert len(shown) == 1
    now += 2
    for worker in workers:
        worker.remind("")
    assert [line.rpartition(",")[0] for line in shown[1:]] == ["2 of 3 vehicles ended, 1 failed"]


def test_a_vehicle_counts_once_and_only_in_its_own_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    owner, shown = Owner.of(os.getpid()), list[str]()
    for outcomes in (("FAIL", "PASS"), ("PASS", "FAIL")):
        task = task_of_a_play()
        for outcome in outcomes:
            for host in ("vehicle_001", "vehicle_002"):
                FleetProgress(owner, task).note_end(host, outcome)
        FleetProgress(owner, task, 3, shown.append, lambda: time.time() + 3600).remind("")
    told = ["2 of 3 vehicles ended, 0 failed", "2 of 3 vehicles ended, 2 failed"]
    assert [line.rpartition(",")[0] for line in shown] == told


def test_a_directory_that_cannot_be_written_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    shown: list[str] = []
    progress = FleetProgress(Owner.of(os.getpid()), task_of_a_play(), 3, shown.append)
    progress.note_end("vehicle 001", "PASS")
    progress.remind("")
    assert shown == []
