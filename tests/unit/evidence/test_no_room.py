# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full and a place that is read-only cost evidence, and are a warning, never a failed test."""

from __future__ import annotations

import contextlib
import json
import resource
import types
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.commands import append_commands
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import VARIABLE, JournaledStep

TASK = types.SimpleNamespace(
    name="Ask", action="jumpstarter_shell", args={}, check_mode=False, ignore_errors=None, failed_when=[]
)
COMMANDS = [{"command": "dmesg", "rc": 0, "stdout": "x" * 3000, "stderr": ""}]


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as the kernel does where there is no room left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return bundle.start(tmp_path / "evidence", {"host": "vehicle_001"}, None)


def manage(state: str, path: object, **given: t.Any) -> dict[str, t.Any]:
    options = {"key": None, "public_key": None, "test": None, "tests": None, "title": "OTA tests", "store": None}
    return manage_evidence({**options, "state": state, "path": str(path), **given}, False)


def step(directory: Path) -> dict[str, t.Any]:
    """Make a step of a test; return its result."""
    result: dict[str, t.Any] = {"changed": True, "stdout": "x" * 3000}
    JournaledStep(TASK, {VARIABLE: {"path": str(directory)}}, {}, False).end(result, COMMANDS)
    return result


@pytest.mark.parametrize("more", [0, 100])
def test_a_step_on_a_full_disk_is_a_warning_and_the_test_goes_on(directory: Path, more: int) -> None:
    with room_for((directory / journal.JOURNAL).stat().st_size + more):
        result = step(directory)
    assert "cannot be written" in result["warnings"][0] and "failed" not in result

    assert "warnings" not in step(directory)
    kept = journal.read(directory)
    assert kept.lines[-1]["outcome"] == "changed" and kept.torn <= 1


def test_an_output_of_which_a_part_had_room_is_a_warning(directory: Path) -> None:
    with room_for(2000), pytest.raises(OSError, match="No space"):
        append_commands(directory, "Ask", COMMANDS)


def test_evidence_that_had_no_room_is_made_once_there_is_some(directory: Path) -> None:
    step(directory)
    test = {"outcome": "PASS", "summary": "Done."}
    with room_for((directory / journal.JOURNAL).stat().st_size + 300):
        made = manage("bundled", directory, test=test)
    assert made["path"] == "" and "There will be no evidence" in made["warnings"][0] and "failed" not in made
    assert not (directory / "manifest.json").exists()

    assert manage("bundled", directory)["outcome"] == "PASS"
    assert json.loads((directory / "record.json").read_text())["summary"] == "Done."


@pytest.mark.parametrize("place", ["/sys/evidence", "/proc/evidence"])
def test_a_place_that_is_read_only_is_a_warning_also_for_root(place: str) -> None:
    began = manage("started", place, test={"host": "vehicle_001"})
    assert began["path"] == "" and "There will be no evidence" in began["warnings"][0]
