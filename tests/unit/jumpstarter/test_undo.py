# SPDX-License-Identifier: GPL-3.0-or-later
"""A keeper undoes what is pending at the device: when the play is late, and before the device is given back."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner
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
    monkeypatch.setattr(undo_module, "since_boot", lambda: made.now)
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


class Shell:
    """Stands for jmp: each start leaves what stands next, the results of commands or none."""

    def __init__(self, *starts: list[int] | str) -> None:
        self.starts = list(starts)
        self.asked: list[list[str]] = []

    def __call__(self) -> Shell:
        return self

    def run(self, *arguments: str, **_how: t.Any) -> t.Any:
        directory = Path(arguments[-1])
        commands = json.loads((directory / "commands.json").read_text(encoding="utf-8"))
        self.asked.append(commands)
        codes = self.starts.pop(0)
        if codes != "away":
            (directory / command_runner.STARTED).touch()
        if isinstance(codes, str):
            raise errors.JmpTimeout(f"jmp: {codes}")
        results = [
            {"command": command, "rc": code, "stdout": "", "stderr": ""}
            for command, code in zip(commands, codes, strict=False)
        ]
        (directory / "results.json").write_text(json.dumps(results), encoding="utf-8")
        return None

    def said_by(self, _finished: t.Any, _arguments: t.Any) -> str:
        return "it ended"


@pytest.mark.parametrize(
    ("starts", "asked", "problem"),
    [
        ([[0, 0]], ["a"], ""),
        ([[1], [0]], ["a", "b"], "'a' failed with exit code 1"),
        ([[0, 3]], ["a"], "'b' failed with exit code 3"),
        (["hangs", [0]], ["a", "b"], "jmp: hangs"),
        (["away"], ["a"], "jmp: away"),
    ],
)
def test_a_command_that_fails_does_not_keep_the_rest_from_being_undone(
    monkeypatch: pytest.MonkeyPatch, starts: list[t.Any], asked: list[str], problem: str
) -> None:
    shell = Shell(*starts)
    monkeypatch.setattr(undo_module, "Jmp", shell)
    undo: t.Any = {"id": "cut", "commands": ["a", "b"], "target": [], "runner": "", "due": 1.0}

    assert undo_module._run(undo, "hatci-7", None) == problem

    assert [commands[0] for commands in shell.asked] == asked
    assert undo_module.STARTED == command_runner.STARTED
