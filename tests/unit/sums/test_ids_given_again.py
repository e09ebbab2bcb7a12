# SPDX-License-Identifier: GPL-3.0-or-later
"""SUMS lost its records and gave their ids again: what a test has to say is not sent to the record of another one."""

from __future__ import annotations

import json
import types
import typing as t
from pathlib import Path

import pytest
from scripted_backend import Backend, Drop, Reply
from sums_support import TOKEN, VIN, assert_is_sentence, run_module, validated

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import close_test_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_process import Closer
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import NotOwn
from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import OpenTestEvent
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import what_was_created

CREATED: dict[str, t.Any] = {
    "test_event_id": "te-000001",
    "vin": VIN,
    "event_id": "pending",
    "ansible_job_id": "4711",
    "git_sha": "abc",
    "suite_name": "night",
    "metadata": {"who": "A"},
    "status": "RUNNING",
    "created_at": "2026-11-26T12:00:00.250+00:00",
}
LATER = "2026-11-26T12:00:07+00:00"
REPORT = {"test_event_id": "te-000001", "status": "PASS", "summary": "all well", "event_id": "ev-000002"}
EVENT: dict[str, t.Any] = {
    "event_id": "ev-000002",
    "vin": VIN,
    "update_type": "UROM",
    "build_level": "2024.02.01",
    "created_at": "2026-11-26T12:00:01+00:00",
}
TAKEN = {**CREATED, "status": "PASS", "event_id": "ev-000002"}
NO_CALL = 405


def answer(value: t.Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def report(backend: Backend, **more: t.Any) -> dict[str, t.Any]:
    arguments = {**REPORT, "created": CREATED, "retry_timeout": 0, **more}
    return run_module("hatci_test_event_update", backend.url, arguments, hatci_token=TOKEN)


def assert_nothing_was_sent(backend: Backend, result: dict[str, t.Any], difference: str) -> None:
    assert result["failed"] and result["another_record"] and result["outcome"] == "ERROR", result
    assert "kept_report" not in result
    assert_is_sentence(result["msg"])
    assert "SUMS answered about another" in result["msg"] and difference in result["msg"], result["msg"]
    assert "Nothing was sent to test event te-000001" in result["msg"]
    assert not [seen for seen in backend.seen if seen.method != "GET" and seen.json], backend.calls


DIFFERENCES = [
    ({"vin": "KMHXX00XXXX000002"}, "vin is 'KMHXX00XXXX000002'"),
    ({"ansible_job_id": "4712"}, "ansible_job_id is '4712' instead of '4711'"),
    ({"suite_name": "day"}, "suite_name is 'day'"),
    ({"created_at": LATER}, f"created_at is '{LATER}'"),
    ({"test_event_id": "te-000009"}, "test_event_id is 'te-000009'"),
]


@pytest.mark.parametrize(("difference", "words"), DIFFERENCES)
def test_nothing_is_sent_to_a_test_event_that_is_another(
    backend: Backend, difference: dict[str, t.Any], words: str, tmp_path: Path
) -> None:
    backend.answers({**CREATED, **difference})
    result = report(backend, keep_report_in=str(tmp_path))
    assert_nothing_was_sent(backend, result, words)
    assert backend.calls == ["GET /api/v1/test_events/te-000001"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"metadata": {"who": "B"}}, "its metadata has another who"),
        ({"event_id": "ev-000007"}, "event_id is 'ev-000007' instead of 'ev-000002'"),
    ],
)
def test_without_a_time_of_creation_metadata_and_event_tell(
    backend: Backend, difference: dict[str, t.Any], words: str
) -> None:
    timeless = {name: value for name, value in CREATED.items() if name != "created_at"}
    backend.answers({**timeless, **difference})
    assert_nothing_was_sent(backend, report(backend, created=timeless), words)


@pytest.mark.parametrize(
    "shown",
    [
        CREATED,
        {"test_event_id": "te-000001"},
        {**CREATED, "event_id": "ev-000002", "metadata": {"who": "somebody changed it"}, "updated_at": LATER},
        {**CREATED, "created_at": "2026-11-26T12:00:00Z"},
        {**CREATED, "created_at": "2026-11-26 13:00:01+01:00"},
        {**CREATED, "created_at": "2026-11-26 04:00:00"},
        {**CREATED, "created_at": "just now"},
        {**CREATED, "vin": VIN.lower(), "created_at": 7},
        {**CREATED, "status": "FAIL", "metadata": {"outcome": "ABORTED"}},
    ],
)
def test_the_own_test_event_is_told(backend: Backend, shown: dict[str, t.Any]) -> None:
    backend.replies(answer(shown), answer(TAKEN))
    assert not report(backend).get("failed")
    assert backend.calls == [f"{method} /api/v1/test_events/te-000001" for method in ("GET", "PATCH")]
    sent = backend.seen[-1].json
    assert sent == {name: value for name, value in REPORT.items() if name != "test_event_id"}


NO_ANSWER = [Reply(NO_CALL), Reply(404), Reply(500), Reply(body=b"<html>"), Drop()]


@pytest.mark.parametrize("look", NO_ANSWER)
def test_where_sums_does_not_show_it_the_event_tells(backend: Backend, look: t.Any) -> None:
    backend.replies(look, answer(EVENT), answer(TAKEN))
    assert not report(backend, created_event=EVENT, retry_timeout=30).get("failed")
    paths = ["GET /api/v1/test_events/te-000001", "GET /api/v1/events/ev-000002", "PATCH /api/v1/test_events/te-000001"]
    assert backend.calls == paths


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"vin": "KMHXX00XXXX000002"}, "vin is 'KMHXX00XXXX000002'"),
        ({"created_at": LATER}, f"created_at is '{LATER}'"),
        ({"build_level": "1999"}, "build_level is '1999'"),
    ],
)
@pytest.mark.parametrize("is_doubtful", [False, True])
def test_nothing_is_sent_where_the_event_is_another(
    backend: Backend, difference: dict[str, t.Any], words: str, is_doubtful: bool, tmp_path: Path
) -> None:
    backend.replies(Reply(NO_CALL), answer({**EVENT, **difference}))
    kept = str(tmp_path)
    result = report(backend, created_event=EVENT, may_be_another=is_doubtful, keep_report_in=kept)
    assert_nothing_was_sent(backend, result, words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("event", "is_doubtful"), [(404, False), (404, True), (500, True), (405, True)])
def test_a_report_is_kept_where_sums_has_lost_the_event_or_does_not_show_it_in_doubt(
    backend: Backend, event: int, is_doubtful: bool, tmp_path: Path
) -> None:
    backend.replies(Reply(NO_CALL), Reply(event))
    result = report(backend, may_be_another=is_doubtful, keep_report_in=str(tmp_path))
    assert result["failed"] and result["outcome"] == "ERROR" and result["kept_report"]
    assert "SUMS may have lost its records and given the id of test event te-000001 to another test" in result["msg"]
    assert "Nothing was sent to it." in result["msg"]
    assert_is_sentence(result["msg"])
    assert not [seen for seen in backend.seen if seen.method != "GET"]


@pytest.mark.parametrize("look", NO_ANSWER[2:])
def test_without_doubt_a_report_is_sent_though_sums_shows_nothing(backend: Backend, look: t.Any) -> None:
    backend.replies(look, look, answer(TAKEN))
    assert not report(backend).get("failed")


def test_without_what_was_created_nothing_is_asked(backend: Backend) -> None:
    backend.answers(TAKEN)
    assert not report(backend, created=None).get("failed")
    assert [seen.method for seen in backend.seen] == ["PATCH"]


def test_the_event_with_which_a_test_event_was_created_may_stay(backend: Backend) -> None:
    begun = {**CREATED, "event_id": "ev-000001"}
    backend.replies(answer(begun), answer(TAKEN))
    assert not report(backend, created=begun).get("failed")


def test_a_kept_report_is_not_sent_to_another_record_later(backend: Backend, tmp_path: Path) -> None:
    backend.answers({"error": "out of order"}, status=500)
    kept = report(backend, keep_report_in=str(tmp_path))["kept_report"]
    again = {"kept_report": kept, "retry_timeout": 0}

    backend.seen.clear()
    backend.replies(answer({**CREATED, "created_at": LATER}))
    result = run_module("hatci_test_event_update", backend.url, again, hatci_token=TOKEN)
    assert_nothing_was_sent(backend, result, f"created_at is '{LATER}'")

    backend.replies(Reply(NO_CALL), answer(EVENT), answer(TAKEN))
    assert not run_module("hatci_test_event_update", backend.url, again, hatci_token=TOKEN).get("failed")
    assert backend.seen[-1].json["status"] == "PASS"


def left_open(backend: Backend, tmp_path: Path, **known: t.Any) -> OpenTestEvent:
    connection = validated("hatci_health", {"hatci_base_url": backend.url, "hatci_token": TOKEN, "retry_timeout": 0})
    return OpenTestEvent(
        connection=connection,
        test_event_id="te-000001",
        host="car",
        job="4711",
        metadata={},
        keep_report_in=str(tmp_path),
        vin=VIN,
        created=what_was_created(CREATED),
        **known,
    )


def closer(said: list[str]) -> Closer:
    return Closer(t.cast("t.Any", {}), t.cast("t.Any", types.SimpleNamespace(log=said.append)))


@pytest.mark.parametrize("look", [Reply(NO_CALL), answer({**CREATED, "vin": "KMHXX00XXXX000002"})])
def test_the_closer_sends_nothing_to_another_record_and_keeps_nothing(
    backend: Backend, look: Reply, tmp_path: Path
) -> None:
    said: list[str] = []
    backend.replies(look, answer({**EVENT, "vin": "KMHXX00XXXX000002"}))
    assert closer(said)._send(left_open(backend, tmp_path, event_id="ev-000002", report={"status": "PASS"}))
    assert {seen.method for seen in backend.seen} == {"GET"}
    assert "Nothing was sent to test event te-000001" in said[0] and not list(tmp_path.iterdir())


@pytest.mark.parametrize("look", [answer(CREATED), Reply(NO_CALL)])
def test_the_closer_closes_what_is_not_seen_to_be_another_record(backend: Backend, look: Reply, tmp_path: Path) -> None:
    said: list[str] = []
    backend.replies(look, answer(TAKEN))
    assert closer(said)._send(left_open(backend, tmp_path, report={"status": "PASS"}))
    assert backend.seen[-1].json == {"status": "PASS"} and said == ["reported te-000001 PASS: None"]


@pytest.mark.parametrize("deployment", [Reply(404), answer({"deployment_id": "d-1", "event_id": "ev-9"})])
def test_a_closer_that_finds_another_deployment_keeps_a_report_that_may_be_anothers(
    backend: Backend, deployment: Reply, tmp_path: Path
) -> None:
    said: list[str] = []
    backend.replies(deployment, Reply(NO_CALL), Reply(500))
    assert closer(said)._send(left_open(backend, tmp_path, deployment_id="d-1", event_id="ev-000002"))
    assert "SUMS may have lost its records" in said[0] and "the report is kept in" in said[1]
    assert {seen.method for seen in backend.seen} == {"GET"}
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text())["created"]["created_at"] == CREATED["created_at"]


def test_a_task_that_outlived_its_closer_sends_nothing_to_another_record(backend: Backend) -> None:
    arguments = {"hatci_base_url": backend.url, "hatci_token": TOKEN, "vin": VIN, "suite_name": "x"}
    options = validated("hatci_test_event", {**arguments, "retry_timeout": 0})
    backend.answers({**CREATED, "created_at": LATER})
    with pytest.raises(NotOwn):
        close_test_event(options, {"test_event_id": "te-000001", "test_event": CREATED}, "car")
    assert {seen.method for seen in backend.seen} == {"GET"}
