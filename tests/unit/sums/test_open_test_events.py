# SPDX-License-Identifier: GPL-3.0-or-later
"""What SUMS gets to hold of a test event that its play left open."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvents

URL = "https://sums.example.com"
FAILED = {"failure": {"outcome": "FAIL", "message": "Deployment d-1 ended FAILED after 0:12 min: no power."}}
REFUSED = {"failure": {"outcome": "ERROR", "message": "The lease was refused."}}
DEPLOYED = {"event_id": "ev-2", "deployment_id": "d-1"}


def watched(events: OpenTestEvents, test_event_id: str = "te-1", host: str = "car") -> None:
    told: dict[str, t.Any] = {"connection": {}, "host": host, "job": "7", "metadata": {"rack": 1}}
    events.record({"watch": {"base_url": URL, "test_event_id": test_event_id, **told, "keep_report_in": "/keep"}})


def after(*notes: dict[str, t.Any]) -> dict[str, t.Any]:
    events = OpenTestEvents()
    watched(events)
    for note in notes:
        events.record({"note": {"host": "car", **note}})
    (left,) = events.left()
    return left.final_report()


@pytest.mark.parametrize(
    ("notes", "summary"),
    [
        ([], "ABORTED: the play of job 7 ended before it reported an outcome."),
        ([FAILED], "FAIL: Deployment d-1 ended FAILED after 0:12 min: no power."),
        ([REFUSED], "ERROR: The lease was refused."),
        ([FAILED, REFUSED], "FAIL: Deployment d-1 ended FAILED after 0:12 min: no power."),
        ([REFUSED, FAILED], "FAIL: Deployment d-1 ended FAILED after 0:12 min: no power."),
        ([REFUSED, {"failure": {"outcome": "ERROR", "message": "Later."}}], "ERROR: The lease was refused."),
        ([REFUSED, {}], "ABORTED: the play of job 7 ended before it reported an outcome."),
        (
            [REFUSED, DEPLOYED],
            "ABORTED: the play of job 7 ended before it reported an outcome. Deployment d-1 had been created.",
        ),
    ],
)
def test_the_outcome_is_what_is_known(notes: list[dict[str, t.Any]], summary: str) -> None:
    report = after(*notes)
    assert report["status"] == "FAIL"
    assert report["summary"] == summary
    assert report["metadata"] == {"rack": 1, "outcome": summary.partition(":")[0]}


def test_the_target_event_is_linked() -> None:
    assert "event_id" not in after(FAILED)
    assert after({"event_id": "ev-1"}, DEPLOYED, FAILED)["event_id"] == "ev-2"
    assert after(DEPLOYED, {"event_id": None}, FAILED)["event_id"] == "ev-2"


def test_a_note_is_about_the_latest_test_event_of_its_host() -> None:
    events = OpenTestEvents()
    for test_event_id, host in (("te-1", "car"), ("te-2", "car"), ("te-3", "van")):
        watched(events, test_event_id, host)
    events.record({"note": {"host": "car", **FAILED}})
    events.record({"note": {"host": "bus", **FAILED}})
    outcomes = {event.test_event_id: event.final_report()["metadata"]["outcome"] for event in events.left()}
    assert outcomes == {"te-1": "ABORTED", "te-2": "FAIL", "te-3": "ABORTED"}


def test_what_the_play_was_about_to_report_wins() -> None:
    events = OpenTestEvents()
    watched(events)
    which = {"base_url": URL, "test_event_id": "te-1"}
    events.record({"report": {**which, "report": {"status": "PASS"}, "keep_report_in": "/mine"}})
    events.record({"note": {"host": "car", **FAILED}})
    (left,) = events.left()
    assert (left.final_report(), left.keep_report_in, left.asks_for_deployment) == ({"status": "PASS"}, "/mine", False)
    events.record({"settled": dict(which)})
    assert not events.left()


@pytest.mark.parametrize(
    ("seen", "failed", "summary"),
    [
        (
            "is COMPLETE",
            False,
            "ABORTED: the play of job 7 ended before it reported an outcome. Deployment d-1 is COMPLETE.",
        ),
        (
            "is FAILED: no power",
            True,
            "FAIL: Deployment d-1 is FAILED: no power. The play of job 7 ended before it reported an outcome.",
        ),
    ],
)
def test_a_play_that_some_other_task_ended_leaves_what_the_deployment_says(
    seen: str, failed: bool, summary: str
) -> None:
    events = OpenTestEvents()
    watched(events)
    events.record({"note": {"host": "car", **DEPLOYED}})
    (left,) = events.left()
    left.deployment_seen, left.deployment_failed = seen, failed
    report = left.final_report()
    assert (report["summary"], report["metadata"]["outcome"]) == (summary, summary.partition(":")[0])


def test_of_several_vehicles_of_a_host_each_gets_what_is_its_own() -> None:
    events = OpenTestEvents()
    for test_event_id, vin in (("te-1", "A"), ("te-2", "B")):
        told: dict[str, t.Any] = {"connection": {}, "host": "car", "job": "7", "metadata": {}, "vin": vin}
        events.record({"watch": {"base_url": URL, "test_event_id": test_event_id, **told, "keep_report_in": "/keep"}})
    events.record({"note": {"host": "car", "event_id": "ev-1", "deployment_id": "d-1", "vin": "a"}})
    events.record({"note": {"host": "car", **REFUSED}})
    first, second = (event.final_report() for event in events.left())
    assert (first["event_id"], "event_id" in second) == ("ev-1", False)
    assert "d-1" in first["summary"] and "The lease was refused." in second["summary"]


def test_an_event_is_known_with_what_was_created() -> None:
    events = OpenTestEvents()
    watched(events)
    for note in ({"event_id": "ev-2", "event": {"vin": "a"}}, DEPLOYED):
        events.record({"note": {"host": "car", **note}})
    assert events.left()[0].event == {"vin": "a"}
    events.record({"note": {"host": "car", "event_id": "ev-3"}})
    assert events.left()[0].event == {}
