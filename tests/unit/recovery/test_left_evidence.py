# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of jobs that died: finished once, as SUMS was told, and never that of anybody else."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import evidence_support
import pytest
from recovery_support import Lab

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, whereabouts
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.module_utils._recovery.recover import NotRecovered


def leave_journal(parent: Path, test_event_id: str, job: int = 41, *, is_bundled: bool = False) -> Path:
    """Leave what a job has of a test when its container is killed; return the directory."""
    directory = bundle.start(parent, {"host": "vehicle_001"}, None)
    about = {"host": "vehicle_001", "name": directory.name, "job": {"id": str(job), "url": "", "revision": ""}}
    (directory / "journal.jsonl").unlink()
    (evidence_support.passed if is_bundled else evidence_support.aborted)(directory, **about)
    text = (directory / "journal.jsonl").read_text(encoding="utf-8").replace("te-000001", test_event_id)
    (directory / "journal.jsonl").write_text(text, encoding="utf-8")
    return bundle.bundle(directory, None, None)[0] if is_bundled else directory


def records(parent: Path) -> list[dict[str, t.Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(parent.glob("*/record.json"))]


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize("is_bundled", [False, True])
def test_a_journal_is_finished_once_as_sums_is_told(lab: Lab, tmp_path: Path, is_bundled: bool) -> None:
    """A job may die right before it reports, when its record says what SUMS never heard."""
    test_event_id = lab.die("deployment")["test_event_id"]
    directory = leave_journal(tmp_path, test_event_id, is_bundled=is_bundled)
    before = content(directory)

    listed = lab.recover(check_mode=True, evidence_dir=str(tmp_path))
    assert content(directory) == before and "evidence" not in str(listed["lines"])

    result = lab.recover(evidence_dir=str(tmp_path))
    held = lab.test_event(test_event_id)
    (record,) = records(tmp_path)
    evidence_support.validate(record)
    assert record["outcome"] == record["reported"] == held["metadata"]["outcome"] == "ABORTED"
    assert record["summary"] == held["summary"] == result["closed"][0]["summary"]
    (finished,) = tmp_path.iterdir()
    assert finished.name.endswith(test_event_id) and compare(finished) == []
    told = f"job 41 (vehicle_001): the evidence of test event {test_event_id} is in {finished}"
    assert told in result["lines"] and lab.sums.token not in json.dumps(record)

    after = content(finished)
    assert not lab.recover(evidence_dir=str(tmp_path))["changed"] and content(finished) == after


def test_the_journal_of_another_job_is_left_as_it_is(lab: Lab, tmp_path: Path) -> None:
    """Job 42 lives, and may have taken up the test of the one that died."""
    ids = lab.die("deployment")
    living = [leave_journal(tmp_path, ids["test_event_id"], 42), leave_journal(tmp_path, "te-999999", 41)]
    (tmp_path / "other").mkdir()
    (tmp_path / "other/journal.jsonl").write_text("no journal\n")
    before = [content(directory) for directory in living]

    result = lab.recover(evidence_dir=str(tmp_path))

    assert len(result["closed"]) == 1 and "warnings" not in result and records(tmp_path) == []
    assert [content(directory) for directory in living] == before


def test_a_test_event_that_is_not_closed_leaves_its_journal(lab: Lab, tmp_path: Path) -> None:
    directory = leave_journal(tmp_path, lab.die("deployment")["test_event_id"])
    before = content(directory)
    lab.sums.add_fault(kind="status", status=503, path="/test_events/.*", times=0)

    with pytest.raises(NotRecovered):
        lab.recover(evidence_dir=str(tmp_path))

    assert content(directory) == before


def test_evidence_that_cannot_be_finished_costs_no_recovery(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = lab.die("deployment")
    leave_journal(tmp_path, ids["test_event_id"])

    def refuse(*_arguments: t.Any) -> t.NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(bundle, "_write", refuse)
    result = lab.recover(evidence_dir=str(tmp_path))

    assert result["changed"] and lab.statuses(ids["test_event_id"]) == ["FAIL"]
    (warning,) = result["warnings"]
    assert warning.startswith(f"Job 41 (vehicle_001): the evidence of test event {ids['test_event_id']}")
    assert "could not be finished: Permission denied" in warning and warning in result["lines"]


def test_a_directory_that_is_not_there_is_no_trouble(lab: Lab, tmp_path: Path) -> None:
    lab.die("deployment")
    assert "warnings" not in lab.recover(evidence_dir=str(tmp_path / "none"))
    assert whereabouts.left_by("41", tmp_path / "none") == {}
