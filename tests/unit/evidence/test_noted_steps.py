# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that are not tasks of this collection stand in the journal from their begin to their end."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import make_record
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import (
    ENDED,
    VARIABLE,
    JournaledStep,
    end_noted_step,
)

STEP = "Run the verification of this lab"
NEXT = types.SimpleNamespace(
    name="Release", action="jumpstarter_lease", args={}, check_mode=False, ignore_errors=None, failed_when=[]
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return bundle.start(tmp_path, {"host": "vehicle_001"}, None)


def note(directory: Path, **given: t.Any) -> dict[str, t.Any]:
    options = {"key": None, "store": None, "ended": None, "summary": "", "step": STEP, **given}
    options |= {"state": "noted", "path": str(directory)}
    return run_operation(lambda told, check: manage_evidence(told, check, ["canary-token"]), options, False)


def steps(directory: Path) -> list[tuple[str, str, str]]:
    found = make_record(journal.read(directory))["steps"]
    return [(step["step"], step["outcome"], step["message"]) for step in found]


def told(directory: Path, **ended: str) -> dict[str, t.Any]:
    return {VARIABLE: {"path": str(directory)}, "hatci_token": "canary-token", ENDED: {"step": STEP, **ended}}


def test_a_step_is_unfinished_until_its_end_is_noted(directory: Path) -> None:
    assert note(directory)["changed"]
    assert steps(directory) == [(STEP, "unfinished", "")]
    note(directory, ended="failed", summary="The lamp is dark; canary-token")
    assert steps(directory) == [(STEP, "failed", "The lamp is dark; (hidden)")]
    assert make_record(journal.read(directory))["steps"][0]["seconds"] >= 0


def test_an_end_without_a_begin_writes_nothing(directory: Path) -> None:
    before = (directory / journal.JOURNAL).read_bytes()
    note(directory, ended="ok")
    assert (directory / journal.JOURNAL).read_bytes() == before


def test_the_next_step_of_a_test_writes_the_end_once_and_before_itself(directory: Path) -> None:
    note(directory)
    for _unused in range(2):
        JournaledStep(NEXT, told(directory, outcome="failed", message="refused: canary-token"), {}, False)
    lines = [(line["event"], line.get("step")) for line in journal.read(directory).lines]
    assert lines == [("test", None), ("begin", STEP), ("end", STEP), ("begin", "Release"), ("begin", "Release")]
    assert steps(directory)[0] == (STEP, "failed", "refused: (hidden)")


def test_a_step_that_another_test_of_the_play_ended_is_left_alone(directory: Path) -> None:
    note(directory, step="Another")
    JournaledStep(NEXT, told(directory, outcome="ok"), {}, False)
    assert steps(directory)[0] == ("Another", "unfinished", "")


def test_nothing_is_noted_in_evidence_that_is_finished(directory: Path) -> None:
    directory, _record = bundle.bundle(directory, {"outcome": "PASS"}, None)
    noted = note(directory)
    assert not noted["changed"] and "is finished" in noted["warnings"][0]
    assert compare(directory) == []


def test_a_journal_that_is_gone_is_a_warning(directory: Path) -> None:
    (directory / journal.JOURNAL).unlink()
    assert "There will be no evidence" in note(directory)["warnings"][0]
    result: dict[str, t.Any] = {}
    JournaledStep(NEXT, told(directory, outcome="ok"), {}, False).end(result)
    assert "cannot be written" in result["warnings"][0]
    assert end_noted_step("", told(directory, outcome="ok")) == ""


def test_a_long_message_is_cut(directory: Path) -> None:
    note(directory)
    note(directory, ended="failed", summary="x" * 100_000)
    assert max(len(json.dumps(line)) for line in journal.read(directory).lines) < journal.MAX_LINE
