# SPDX-License-Identifier: GPL-3.0-or-later
"""A test was taken up by another job: what the first one still has to say does not take the place of its outcome."""

from __future__ import annotations

import time
import types
import typing as t
from pathlib import Path

import pytest
from play_support import VIN
from recovery_support import Lab
from sums_support import validated

from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import resumed_mark
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_process import Closer
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import what_was_created
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import keep_report

LATE = ("closer", "kept report", "own report")


class First:
    """The job whose test is taken up, and its late report."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.ids = lab.die("deployment", job=41)
        self.said: list[str] = []
        self._lab, self._directory = lab, directory
        self._created = what_was_created(
            {name: value for name, value in lab.test_event(self.ids["test_event_id"]).items() if name != "history"}
        )

    def report(self, way: str, outcome: str, **options: t.Any) -> None:
        """Send a report, as a closer, from a file that keeps it, or as the play."""
        body: dict[str, t.Any] = {
            "status": "PASS" if outcome == "PASS" else "FAIL",
            "summary": f"{outcome}: of job 41",
            "event_id": self.ids["target"],
            "metadata": {"outcome": outcome},
        }
        of_test = self.ids["test_event_id"]
        if way == "closer":
            connection = {"hatci_base_url": self._lab.sums.url, "hatci_token": self._lab.sums.token}
            event = OpenTestEvent(
                connection=validated("hatci_health", {**connection, "retry_timeout": 0}),
                test_event_id=of_test,
                host="car",
                job="41",
                metadata={},
                keep_report_in=str(self._directory),
                vin=VIN,
                created=self._created,
                report=body,
                deployment_id=self.ids["deployment"],
            )
            assert Closer(t.cast("t.Any", {}), t.cast("t.Any", types.SimpleNamespace(log=self.said.append)))._send(
                event
            )
            return
        if way == "kept report":
            path = keep_report(str(self._directory), self._lab.sums.url, of_test, body, self._created)
            result = self._lab.run("test_event_update", kept_report=str(path), **options)
        else:
            result = self._lab.run("test_event_update", test_event_id=of_test, created=self._created, **body, **options)
        self.said += result.get("warnings", [])


@pytest.fixture
def first(lab: Lab, tmp_path: Path) -> First:
    return First(lab, tmp_path)


def take_up(lab: Lab, first: First, *outcomes: str) -> None:
    """Go on with the test as job 52, up to a report with each of the outcomes."""
    mark = resumed_mark("52", time.time(), 7200)
    change: dict[str, t.Any] = {"test_event_id": first.ids["test_event_id"], "event_id": first.ids["target"]}
    lab.run("test_event_update", **change, metadata={"resumed": mark})
    mark.pop("until")
    for outcome in outcomes:
        status = "PASS" if outcome == "PASS" else "FAIL"
        lab.run("test_event_update", **change, status=status, metadata={"outcome": outcome, "resumed": mark})


@pytest.mark.parametrize("way", LATE)
@pytest.mark.parametrize("outcome", ["PASS", "FAIL"])
def test_what_the_second_job_found_out_stands(lab: Lab, first: First, way: str, outcome: str) -> None:
    take_up(lab, first, outcome)
    first.report(way, "TIMEOUT")
    held = lab.test_event(first.ids["test_event_id"])
    assert (held["metadata"]["outcome"], held["metadata"]["resumed"]["job"]) == (outcome, "52")
    assert lab.statuses(first.ids["test_event_id"]) == [held["status"]]
    assert f"has its outcome, {outcome}, which stands. Nothing was sent to it." in first.said[-1]


@pytest.mark.parametrize("way", ["closer", "kept report"])
def test_a_late_verdict_does_not_replace_the_one_that_came_first(lab: Lab, first: First, way: str) -> None:
    take_up(lab, first, "FAIL")
    first.report(way, "PASS")
    assert lab.statuses(first.ids["test_event_id"]) == ["FAIL"]


@pytest.mark.parametrize("way", LATE)
def test_whoever_goes_on_with_a_test_is_not_disturbed_by_a_report_that_says_nothing(
    lab: Lab, first: First, way: str
) -> None:
    take_up(lab, first)
    first.report(way, "ABORTED")
    assert lab.statuses(first.ids["test_event_id"]) == []
    assert first.said[-1].startswith(f"Job 52 goes on with test event {first.ids['test_event_id']}. Nothing was sent")


@pytest.mark.parametrize("way", LATE)
def test_a_verdict_of_the_first_job_is_not_lost(lab: Lab, first: First, way: str) -> None:
    take_up(lab, first, "ERROR")
    first.report(way, "PASS")
    assert lab.statuses(first.ids["test_event_id"]) == ["FAIL", "PASS"]


@pytest.mark.parametrize("way", LATE)
def test_a_test_that_nobody_took_up_is_reported(lab: Lab, first: First, way: str) -> None:
    first.report(way, "TIMEOUT")
    assert lab.test_event(first.ids["test_event_id"])["metadata"]["outcome"] == "TIMEOUT"


@pytest.mark.parametrize("way", LATE)
def test_where_sums_shows_it_to_nobody_a_report_is_sent(lab: Lab, first: First, way: str) -> None:
    lab.sums.add_fault(kind="status", status=400, method="PATCH", path="/test_events/.*", times=2)
    first.report(way, "TIMEOUT")
    assert lab.test_event(first.ids["test_event_id"])["metadata"]["outcome"] == "TIMEOUT"
