# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action tells the closer of evidence that is to be published, and the index of vehicles that left none."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.action import hatci_evidence


@pytest.mark.parametrize(
    ("store", "path", "told"),
    [
        ("fs:///srv/lab", "/evidence/test-te-1", "/evidence/test-te-1"),
        ("fs:///srv/lab", "", "/evidence/test"),
        ("", "/evidence/test-te-1", ""),
    ],
)
def test_evidence_is_the_closers_until_its_test_is_reported_also_where_it_could_not_be_written(
    monkeypatch: pytest.MonkeyPatch, store: str, path: str, told: str
) -> None:
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(hatci_evidence, "playbook_process", lambda: None)
    monkeypatch.setattr(
        hatci_evidence, "note_evidence", lambda _owner, host, directory, *_finished: heard.append((host, directory))
    )
    monkeypatch.setattr(hatci_evidence.ActionModule, "host", "vehicle_001", raising=False)
    action = t.cast("t.Any", hatci_evidence.ActionModule.__new__(hatci_evidence.ActionModule))
    action._task = types.SimpleNamespace(check_mode=False)

    action.after_success({"state": "bundled", "store": store, "path": "/evidence/test"}, {"path": path})

    assert heard == [("vehicle_001", told)]


@pytest.mark.parametrize(
    ("waves", "threshold", "outcomes"),
    [
        (["1", "2", "100%"], 0, ["FAIL", "NOT_BEGUN", "NOT_BEGUN"]),
        ("1,2,100%", 100, ["FAIL", "NOT_BEGUN", "NOT_BEGUN"]),
        (["2", "100%"], 100, ["FAIL", "ERROR", "NOT_BEGUN"]),
        (["100%"], 0, ["FAIL", "ERROR", "ERROR"]),
        (["2", "100%"], 0, ["FAIL", "ERROR", "NOT_BEGUN"]),
        (None, None, ["FAIL", "ERROR", "ERROR"]),
        (["none"], None, ["FAIL", "ERROR", "ERROR"]),
    ],
)
def test_a_vehicle_whose_wave_did_not_begin_is_told_from_one_that_left_nothing(
    waves: t.Any, threshold: t.Any, outcomes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ["vehicle_001", "vehicle_002", "vehicle_003"]
    hostvars: dict[str, dict[str, t.Any]] = {host: {} for host in hosts}
    hostvars["vehicle_001"] = {"ota_result": {"outcome": "FAIL", "summary": "It is dark.", "run": "this run"}}
    monkeypatch.setattr(hatci_evidence, "playbook_process", lambda: types.SimpleNamespace(identity="this run"))
    action = t.cast("t.Any", hatci_evidence.ActionModule.__new__(hatci_evidence.ActionModule))
    action._task_vars = {"ansible_play_hosts_all": hosts, "hostvars": hostvars}
    given = {"state": "bundled", "path": str(tmp_path), "waves": waves, "stop_at_fail_percentage": threshold}
    action._task = types.SimpleNamespace(args=given)

    action.complete_arguments()

    assert [test["outcome"] for test in given["tests"]] == outcomes


def test_the_job_hands_on_links_to_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hatci_evidence.ActionModule, "host", "vehicle_001", raising=False)
    monkeypatch.setattr(hatci_evidence.ActionModule, "say", lambda _self, _line: None)
    action = t.cast("t.Any", hatci_evidence.ActionModule.__new__(hatci_evidence.ActionModule))
    action._task = types.SimpleNamespace(check_mode=False)
    urls = ["s3://lab/index-1.html", "s3://lab/junit-1.xml"]
    result: dict[str, t.Any] = {"index_urls": urls, "artifact_urls": ["s3://lab/test-1/report.html"]}

    action.after_success({"state": "published", "store": "s3://lab"}, result)

    assert result["ansible_stats"]["data"] == {"ota_evidence_index": urls}
