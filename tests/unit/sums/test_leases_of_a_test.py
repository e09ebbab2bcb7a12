# SPDX-License-Identifier: GPL-3.0-or-later
"""What the closer knows of the device of a test, and what its tasks make of that."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t
from pathlib import Path

import pytest
from scripted_backend import Backend, Reply
from sums_support import TOKEN, VIN, validated

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles, leases_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.verify import why_not_held
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._sums import runner
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvents
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import update_test_event
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner
from ansible_collections.hatci.automation.plugins.plugin_utils.lease_proof import (
    LOST,
    NOT_GIVEN_BACK,
    doubt_of_release,
    judged_anew,
)

URL = "https://sums.example.com"
WHICH = {"base_url": URL, "test_event_id": "te-1"}
CREATED = {"test_event_id": "te-1", "vin": VIN, "suite_name": "night", "created_at": "2026-11-26T12:00:00+00:00"}
LEASE = "hatci-7-car-0a1b2c3d"


def closer_of_a_test(*, lease: str = LEASE) -> OpenTestEvents:
    events = OpenTestEvents()
    told: dict[str, t.Any] = {"connection": {}, "host": "car", "job": "7", "metadata": {"rack": 1}}
    events.record({"watch": {**WHICH, **told, "keep_report_in": "/keep", "created": CREATED}})
    if lease:
        events.record({"lease": {"host": "car", "name": lease}})
    return events


def ask(events: OpenTestEvents) -> dict[str, t.Any]:
    return events.record({"ask": {**WHICH, "host": "car"}})


def end(events: OpenTestEvents, doubt: t.Any = None, *, has_record: bool = True, host: str = "car") -> dict[str, t.Any]:
    told = dataclasses.asdict(doubt) if doubt else {}
    return events.record({"lease_over": {"host": host, "name": LEASE, "doubt": told, "has_record": has_record}})


def test_a_closer_tells_how_a_test_event_was_created_and_which_leases_its_host_has() -> None:
    events = closer_of_a_test()
    assert ask(events) == {"is_own": True, "created": CREATED, "leases": [LEASE]}
    end(events)
    assert ask(events) == {"is_own": True, "created": CREATED, "leases": []}
    unknown = events.record({"ask": {"base_url": URL, "test_event_id": "te-2", "host": "bus"}})
    assert unknown == {"is_own": False, "leases": []}


def test_a_lease_that_was_lost_is_told_to_the_report_and_is_no_failure_of_the_vehicle() -> None:
    events = closer_of_a_test()
    events.record({"note": {"host": "car", "failure": {"outcome": "FAIL", "message": "It ended FAILED."}}})
    end(events, LOST)
    assert ask(events)["doubt"]["is_lost"] is True
    (left,) = events.left()
    assert left.final_report()["summary"] == f"ERROR: {LOST.words} Until then: It ended FAILED."
    assert left.final_report()["metadata"]["outcome"] == "ERROR"


@pytest.mark.parametrize("lease", ["", "another"])
def test_a_lease_that_is_given_back_again_or_of_another_host_says_nothing(lease: str) -> None:
    events = closer_of_a_test(lease=lease)
    end(events, LOST, has_record=False)
    end(events, LOST, host="bus")
    assert "doubt" not in ask(events)


def test_a_device_that_could_be_given_back_after_all_is_no_doubt() -> None:
    events = closer_of_a_test()
    end(events, NOT_GIVEN_BACK)
    assert ask(events)["doubt"]["words"] == NOT_GIVEN_BACK.words and ask(events)["leases"] == [LEASE]
    end(events)
    assert "doubt" not in ask(events) and ask(events)["leases"] == []


@pytest.mark.parametrize(("outcome", "passed"), [("PASS", ["te-1"]), ("FAIL", [])])
def test_a_verdict_that_was_reported_before_its_lease_is_known_to_be_lost_is_opened_again(
    outcome: str, passed: list[str]
) -> None:
    events = closer_of_a_test()
    events.record({"settled": {**WHICH, "outcome": outcome}})
    assert not events.left() and ask(events)["reported"] == outcome
    assert end(events, LOST) == {"passed": passed}
    (left,) = events.left()
    assert left.final_report()["status"] == "FAIL"
    assert left.final_report()["summary"] == f"ERROR: {LOST.words}"


def test_a_verdict_that_was_reported_after_its_lease_was_given_back_stands() -> None:
    events = closer_of_a_test()
    end(events)
    events.record({"settled": {**WHICH, "outcome": "PASS"}})
    events.record({"lease": {"host": "car", "name": LEASE}})
    assert end(events, LOST) == {"passed": []}
    assert not events.left()


@pytest.mark.parametrize(
    ("status", "outcome", "doubt", "expected"),
    [
        ("PASS", None, None, None),
        ("PASS", None, LOST, "ERROR"),
        ("PASS", "PASS", NOT_GIVEN_BACK, "ERROR"),
        ("FAIL", None, LOST, "ERROR"),
        ("FAIL", "FAIL", NOT_GIVEN_BACK, None),
        ("FAIL", "TIMEOUT", LOST, None),
    ],
)
def test_a_verdict_needs_a_device_that_was_held(
    status: str, outcome: str | None, doubt: t.Any, expected: str | None
) -> None:
    metadata = {"rack": 1, **({"outcome": outcome} if outcome else {})}
    report = judged_anew({"status": status, "summary": "All done.", "metadata": metadata}, doubt)
    if expected is None:
        assert report == {}
    else:
        assert (report["status"], report["metadata"]) == ("FAIL", {"rack": 1, "outcome": expected})
        until = "" if status == "PASS" else " Until then: All done."
        assert report["summary"] == f"ERROR: {doubt.words}{until}"


def test_what_giving_a_device_back_says_of_its_lease() -> None:
    assert doubt_of_release({"changed": True}) is None
    assert doubt_of_release({"changed": False}) is LOST
    assert doubt_of_release({"failed": True, "changed": False}) is NOT_GIVEN_BACK


def test_a_lease_that_is_held_needs_a_living_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    own = Owner.of(os.getpid())
    caller = Caller.of_host("car", own)
    record: dict[str, t.Any] = {
        "name": LEASE, "mode": "controller", "what": "exporter sim1", "asked": "sim1", "exporter": "sim1",
        "host": "car", "watch_pid": own.pid, "watch_start": own.start, "since": 0.0,
        "keeper": {"pid": own.pid, "start": own.start}, "config": [], "lease": {}, "keeper_log": None,
    }  # fmt: skip
    files = LeaseFiles(LEASE)
    files.write(record)
    LeaseFiles("hatci-7-bus-0a1b2c3d").write({**record, "name": "hatci-7-bus-0a1b2c3d", "host": "bus"})
    LeaseFiles("hatci-6-car-0a1b2c3d").write({**record, "name": "hatci-6-car-0a1b2c3d", "watch_start": 1})
    assert leases_of(caller) == [LEASE]
    assert why_not_held(LEASE, caller) == ""

    files.trouble.write_text("It was deleted.", encoding="utf-8")
    assert "It was deleted." in why_not_held(LEASE, caller)
    files.trouble.unlink()
    files.write({**record, "keeper": {"pid": own.pid, "start": own.start - 1}})
    assert "has ended" in why_not_held(LEASE, caller)
    files.remove()
    assert "has no record" in why_not_held(LEASE, caller)


def report(backend: Backend, known: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    arguments = {"hatci_base_url": backend.url, "hatci_token": TOKEN, "test_event_id": "te-1", "retry_timeout": 0}
    options = validated("hatci_test_event_update", {**arguments, "status": "PASS", **more})
    return runner.run_operation(update_test_event, options, False, known=t.cast("t.Any", known))


def held(**values: t.Any) -> Reply:
    return Reply(200, json.dumps({**CREATED, **values}).encode())


@pytest.mark.parametrize("looks", [[], [Reply(405)]], ids=["reads", "has no call to read"])
def test_an_outcome_of_another_job_is_not_overwritten(backend: Backend, looks: list[Reply]) -> None:
    backend.replies(*looks, held(status="FAIL", metadata={"outcome": "FAIL"}))
    result = report(backend, {"is_own": True, "created": CREATED})
    assert result["failed"] and result["another_record"]
    assert "has its outcome, FAIL, which stands" in result["msg"] and "PASS was not sent" in result["msg"]
    assert not [seen for seen in backend.seen if seen.method != "GET" and seen.json]


@pytest.mark.parametrize(
    ("stands", "known"),
    [
        ({"status": "RUNNING"}, {}),
        ({"status": "FAIL", "metadata": {"outcome": "ABORTED"}}, {}),
        ({"status": "PASS"}, {}),
        ({"status": "FAIL"}, {"reported": "FAIL"}),
    ],
    ids=["open", "says nothing of the vehicle", "the same", "its own"],
)
def test_an_outcome_that_may_be_replaced_is(backend: Backend, stands: t.Any, known: dict[str, t.Any]) -> None:
    backend.replies(held(**stands), held(status="PASS"))
    result = report(backend, {"is_own": True, "created": CREATED, **known})
    assert result["changed"] and result["test_event"]["status"] == "PASS"


def test_a_test_event_of_another_vehicle_is_seen_before_a_report_of_ones_own_playbook(backend: Backend) -> None:
    backend.answers({**CREATED, "vin": "KMHXX00XXXX000002"})
    result = report(backend, {"is_own": True, "created": CREATED})
    assert result["failed"] and "Nothing was sent to test event te-1" in result["msg"]
