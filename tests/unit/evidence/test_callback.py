# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback that writes the tasks of users into the journal of a test."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.callback import hatci_journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle, journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import make_record

HOST = types.SimpleNamespace(get_name=lambda: "vehicle_001")


class Plays:
    """Tells a callback what ansible-playbook would."""

    def __init__(self, directory: Path) -> None:
        self.callback = hatci_journal.CallbackModule()
        self.directory = directory
        self._tasks = 0

    def task(self, name: str, action: str = "ansible.builtin.command", **given: t.Any) -> t.Any:
        self._tasks += 1
        path = given.pop("path", str(self.directory / "verify.yml"))
        values = {"args": {}, "no_log": False, "check_mode": False, "failed_when": [], **given}
        return types.SimpleNamespace(
            name=name, action=action, _uuid=str(self._tasks), get_path=lambda: f"{path}:3", **values
        )

    def run(self, task: t.Any, how: str = "ok", **told: t.Any) -> None:
        self.callback.v2_runner_on_start(HOST, task)
        getattr(self.callback, f"v2_runner_on_{how}")(types.SimpleNamespace(_host=HOST, _task=task, _result=told))

    def begin(self) -> None:
        begins = self.task("Begin", hatci_journal.EVIDENCE, args={"state": "started"})
        self.run(begins, path=str(self.directory))

    def steps(self) -> list[dict[str, t.Any]]:
        return t.cast("list[dict[str, t.Any]]", make_record(journal.read(self.directory))["steps"])


@pytest.fixture
def plays(tmp_path: Path) -> Plays:
    """Return a play whose test has evidence."""
    found = Plays(bundle.start(tmp_path, {"host": "vehicle_001"}, None))
    found.run(found.task("Too early"))
    found.begin()
    return found


def test_users_tasks_stand_in_the_record_with_how_they_ended(plays: Plays) -> None:
    plays.run(plays.task("Ask the dashboard"), changed=True)
    plays.run(plays.task("role : Look at the lamp"), "failed", msg="The lamp is dark.")
    plays.run(plays.task("Not today"), "skipped")
    plays.run(plays.task("Hidden", no_log=True), "failed", msg="canary")
    found = [(step["step"], step["outcome"], step["message"]) for step in plays.steps()]
    assert found == [
        ("Ask the dashboard", "changed", ""),
        ("Look at the lamp", "failed", "The lamp is dark."),
        ("Not today", "ok", "It was skipped."),
        ("Hidden", "failed", "(hidden)"),
    ]


def test_a_task_that_was_under_way_when_the_play_died_is_unfinished(plays: Plays) -> None:
    plays.callback.v2_runner_on_start(HOST, plays.task("Wait for the dashboard"))
    assert [(step["step"], step["outcome"]) for step in plays.steps()] == [("Wait for the dashboard", "unfinished")]


def test_tasks_of_this_collection_are_left_to_their_own_actions(plays: Plays) -> None:
    own = Path(hatci_journal.__file__).resolve().parents[2] / "roles/hatci_ota_test/tasks/tell.yml"
    plays.run(plays.task("Tell the outcome", "ansible.builtin.assert", path=str(own)))
    plays.run(plays.task("Ask SUMS", "hatci.automation.hatci_health"))
    plays.run(plays.task("In check mode", check_mode=True))
    plays.run(plays.task("Validating arguments", "ansible.builtin.validate_argument_spec"))
    assert plays.steps() == []


def test_nothing_is_added_to_what_has_been_bundled(plays: Plays) -> None:
    bundle.bundle(plays.directory, {"outcome": "PASS"}, None)
    before = (plays.directory / "journal.jsonl").read_bytes()
    plays.run(plays.task("Tidy up"))
    plays.run(plays.task("Finish", hatci_journal.EVIDENCE, args={"state": "bundled"}), path="/elsewhere")
    plays.run(plays.task("After the test"))
    assert (plays.directory / "journal.jsonl").read_bytes() == before


def test_a_journal_that_is_gone_is_one_warning(plays: Plays, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(plays.callback._display, "warning", warned.append)
    (plays.directory / "journal.jsonl").unlink()
    for name in ("One", "Two"):
        plays.run(plays.task(name))
    assert len(warned) == 1 and "cannot be written" in warned[0]


def test_no_token_of_the_environment_is_written(plays: Plays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATCI_TOKEN", "canary-token")
    plays.run(plays.task("Ask"), "failed", msg="refused: canary-token")
    assert "canary-token" not in json.dumps(plays.steps())


def test_the_tasks_of_a_lab_are_written_after_their_own_step_was_noted_and_until_the_evidence_is_bundled(
    plays: Plays,
) -> None:
    plays.run(plays.task("Note", hatci_journal.EVIDENCE, args={"state": "noted"}), path=str(plays.directory))
    plays.run(plays.task("Ask the dashboard"))
    plays.run(plays.task("Bundle", hatci_journal.EVIDENCE, args={"state": "bundled"}), path=str(plays.directory))
    plays.run(plays.task("Too late"))
    assert [step["step"] for step in plays.steps()] == ["Ask the dashboard"]
