# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock that is set back during a test makes no negative time and no other order."""

from __future__ import annotations

import datetime
import json
import typing as t
from pathlib import Path

import evidence_support
import pytest
from play_support import wait_until

from ansible_collections.hatci.automation.plugins.module_utils._evidence import clock, journal, noted
from ansible_collections.hatci.automation.plugins.module_utils._evidence.junit import Case
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import make_record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.report import make_report
from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot


def at(line: dict[str, t.Any]) -> datetime.datetime:
    return datetime.datetime.fromisoformat(line["time"])


def set_back(directory: Path, seconds: float, *, at_line: int, knows_uptime: bool = True) -> None:
    """Write a journal anew as if its clock had been set back before one of its lines."""
    path = directory / journal.JOURNAL
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    began = at(lines[0])
    for number, line in enumerate(lines):
        moment = at(line)
        if knows_uptime:
            line.update(boot="1a2b3c4d", uptime=(moment - began).total_seconds() + 77.5)
        if number >= at_line:
            shown = moment - datetime.timedelta(seconds=seconds)
            line["time"] = shown.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


@pytest.mark.parametrize("at_line", [1, 8, 20])
@pytest.mark.parametrize("seconds", [90, 86400])
def test_a_clock_that_is_set_back_changes_no_duration(at_line: int, seconds: int, tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    before = make_record(journal.read(tmp_path))
    set_back(tmp_path, seconds, at_line=at_line)

    record = make_record(journal.read(tmp_path))

    evidence_support.validate(record)
    assert record["seconds"] == pytest.approx(before["seconds"], abs=0.01)
    assert record["lease"]["seconds"] == pytest.approx(before["lease"]["seconds"], abs=0.01)
    assert record["journal"]["clock_set_back"] == pytest.approx(seconds, abs=0.01)
    times = [step["began"] for step in record["steps"]]
    assert times == sorted(times)
    assert record["ended"] == json.loads((tmp_path / journal.JOURNAL).read_text().splitlines()[-1])["time"]
    assert (record["outcome"], outcome_of(record)) == ("PASS", "PASS")
    page = make_report(record, is_signed=False)
    assert "The clock was set back by" in page and "-" not in str(Case.of_record(record).seconds)


def test_a_journal_without_uptimes_still_has_no_negative_time(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    set_back(tmp_path, 86400, at_line=20, knows_uptime=False)
    record = make_record(journal.read(tmp_path))
    assert record["seconds"] >= 0 and record["lease"]["seconds"] >= 0
    assert record["journal"]["clock_set_back"] > 0


def test_what_a_user_rescued_before_the_clock_was_set_back_is_still_rescued(tmp_path: Path) -> None:
    script = evidence_support.until_deployed(tmp_path)
    around = script.begin("Verify", "")
    script.step("Try the lamp", "ansible.builtin.command", 5, "failed")
    script.line("end", **around, outcome="ok", msg="", result={}, seconds=5, is_ignored=False)
    script.line("result", ended_by="closer", outcome="ABORTED")
    lines = (tmp_path / journal.JOURNAL).read_text().splitlines()
    set_back(tmp_path, 3600, at_line=len(lines) - 2)
    record = make_record(journal.read(tmp_path))
    assert record["failure"] is None and outcome_of(record) == "ABORTED"


def test_a_clock_that_nobody_set_is_left_alone(tmp_path: Path) -> None:
    evidence_support.passed(tmp_path)
    set_back(tmp_path, 0.3, at_line=8)
    lines = journal.read(tmp_path).lines
    assert clock.straightened(lines) == (lines, 0.0)


def test_each_line_tells_the_uptime_of_its_machine_and_a_noted_step_lasts_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.create(tmp_path)
    noted.begin_step(tmp_path, "Verify")
    monkeypatch.setattr(clock, "utc_time", lambda: "2020-01-01T00:00:00.000Z")
    began = since_boot()
    wait_until(lambda: since_boot() >= began + 0.01)  # what is written has three digits
    noted.end_step(tmp_path, "Verify", "ok")
    begin, end = journal.read(tmp_path).lines
    assert begin["boot"] == end["boot"] and begin["uptime"] <= end["uptime"]
    assert 0 < end["seconds"] < 60


def test_another_machine_that_bundles_is_asked_for_the_time_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = {"time": "2026-03-01T12:00:00.000Z", "boot": "elsewhere", "uptime": 1e9}
    monkeypatch.setattr(clock, "utc_time", lambda: "2026-03-01T12:00:07.000Z")
    assert clock.seconds_since(begin) == 7
