# SPDX-License-Identifier: GPL-3.0-or-later
"""A keeper undoes what is pending at the device: when the play is late, and before the device is given back."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import undo as undo_module
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.undo import (
    MARGIN_SECONDS,
    TRIES,
    PendingUndos,
)


class World:
    """A clock, and a device that does what it is told, or fails so often first."""

    def __init__(self, file: Path) -> None:
        self.now = 1000.0
        self.file = file
        self.done: list[list[str]] = []
        self.failures = 0
        self.lines: list[str] = []
        self.undos = PendingUndos("hatci-7", file, None, self.lines.append)

    def run(self, undo: t.Any, _lease_name: str, _lock: int | None) -> str:
        if self.failures:
            self.failures -= 1
            return "the exporter is away"
        self.done.append(undo["commands"])
        return ""

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def begin(self, name: str = "cut", due: float = 20.0) -> None:
        undo = {"id": name, "commands": [f"j {name} on"], "target": [], "runner": "", "due": due}
        self.undos.record({"undo": undo})


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "hatci-7.undo")
    monkeypatch.setattr(undo_module, "_run", made.run)
    monkeypatch.setattr(undo_module.time, "monotonic", lambda: made.now)
    return made


def test_what_is_pending_can_be_seen_until_it_is_undone(world: World) -> None:
    world.begin()
    assert json.loads(world.file.read_text())["pending"] == {"cut": ["j cut on"]}

    world.undos.record({"undone": "cut"})

    assert not world.file.exists() and not world.undos
    world.undos.undo_all(world.pause)
    assert world.done == []


def test_everything_is_undone_before_the_device_is_given_back_the_latest_first(world: World) -> None:
    world.begin("power")
    world.begin("network")

    world.undos.undo_all(world.pause)

    assert world.done == [["j network on"], ["j power on"]]
    assert not world.file.exists()


def test_a_play_that_hangs_is_not_waited_for(world: World) -> None:
    world.begin(due=20.0)
    assert world.undos.next_due == world.now + 20.0 + MARGIN_SECONDS
    world.undos.undo_overdue()
    assert world.done == []

    world.now += 20.0 + MARGIN_SECONDS
    world.undos.undo_overdue()

    assert world.done == [["j cut on"]]
    assert world.undos.next_due is None


def test_a_release_does_not_wait_until_it_is_due(world: World) -> None:
    world.begin(due=600.0)

    world.undos.record({"settle": True})
    world.undos.undo_overdue()

    assert world.done == [["j cut on"]]


def test_an_exporter_that_is_away_for_a_moment_is_tried_again(world: World) -> None:
    world.failures = TRIES - 1
    world.begin()

    world.undos.undo_all(world.pause)

    assert world.done == [["j cut on"]]


def test_what_cannot_be_undone_does_not_hold_the_device_up_for_ever(world: World) -> None:
    world.failures = 100
    world.begin()

    world.undos.undo_all(world.pause)

    assert not world.undos and world.failures == 100 - TRIES
    assert "look at the device" in world.lines[-1]


def test_a_device_that_another_job_may_have_is_left_alone(world: World) -> None:
    world.begin()

    world.undos.give_up()

    world.undos.undo_all(world.pause)
    assert world.done == [] and not world.file.exists()
