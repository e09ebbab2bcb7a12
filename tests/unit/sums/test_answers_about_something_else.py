# SPDX-License-Identifier: GPL-3.0-or-later
"""Each answer is held against its request and against itself: what is missing is borne, what contradicts is not."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from scripted_backend import Backend, reply_json
from sums_support import ECUS, EVENT, VIN, assert_is_sentence, is_unknown, run_module

ANOTHER_VIN = "KMHXX00XXXX000000"
FIXED = {"event_id": "ev-000001", "fixed": True, "state": "FIXED", "vin": VIN, "update_type": "UROM"}
DEPLOYMENT = {"deployment_id": "deploy-000001", "event_id": "ev-000001", "vin": VIN}
WAIT = {"wait": True, "wait_timeout": 5.0, "poll_interval": 0.01, "outage_timeout": 0.05}


def assert_is_about_another(result: dict[str, t.Any], what: str, difference: str) -> None:
    """Assert that the user was told which record SUMS answered about."""
    assert result["failed"] and not result.get("changed")
    assert_is_sentence(result["msg"])
    assert f"SUMS answered about another {what}: {difference}" in result["msg"], result["msg"]
    assert result["path"] in result["msg"] and result["method"] in result["msg"]


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}' instead of '{VIN}'"),
        ({"update_type": "RROM"}, "update_type is 'RROM' instead of 'UROM'"),
        ({"build_level": "1999"}, "build_level is '1999' instead of '2024.02.01'"),
        ({"build_level": 2024.02}, "build_level is '2024.02' instead of '2024.02.01'"),
        ({"ecus": [{**ECUS[0], "sw_version": "1.0.0"}]}, "it does not hold ECU Gateway"),
        ({"ecus": [{**ECUS[0], "ecu_name": "Radio"}]}, "it does not hold ECU Gateway"),
    ],
)
def test_an_event_that_was_created_is_what_was_sent(backend: Backend, difference: t.Any, words: str) -> None:
    backend.answers({"event_id": "ev-1", **EVENT, **difference})

    result = run_module("hatci_create_event", backend.url)

    assert_is_about_another(result, "event", words)
    assert is_unknown(result)
    assert len(backend.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {**EVENT, "vin": VIN.lower(), "update_type": "urom", "build_level": " 2024.02.01 "},
        {"vin": None, "build_level": "", "update_type": ["UROM"], "ecus": []},
        {"ecus": None},
        {"ecus": ["Gateway"]},
        {"ecus": [{"ecu_name": "Gateway"}]},
        {"ecus": [{**ECUS[0], "ecu_name": "Radio"}, {**ECUS[0], "id": 7}]},
    ],
)
def test_an_event_that_does_not_contradict_is_taken(backend: Backend, answer: t.Any) -> None:
    backend.answers({"event_id": "ev-1", **answer})

    assert run_module("hatci_create_event", backend.url)["event_id"] == "ev-1"


@pytest.mark.parametrize("module", ["hatci_fix_event", "hatci_deploy_event"])
@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"event_id": "ev-999999"}, "event_id is 'ev-999999' instead of 'ev-000001'"),
        ({"event_id": 7}, "event_id is '7' instead of 'ev-000001'"),
        ({"event_id": None, "id": "ev-2"}, "event_id is 'ev-2' instead of 'ev-000001'"),
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}' instead of '{VIN}'"),
    ],
)
def test_nothing_is_fixed_or_deployed_where_the_event_is_another(
    backend: Backend, module: str, difference: t.Any, words: str
) -> None:
    backend.answers({**FIXED, "deployment_id": "deploy-1", **difference})

    result = run_module(module, backend.url, vin=VIN)

    assert_is_about_another(result, "event", words)
    assert backend.calls == ["GET /api/v1/events/ev-000001"]


def test_source_and_target_are_not_one_event(backend: Backend) -> None:
    """SUMS gave the target the id of the source."""
    backend.answers({**FIXED, "update_type": "RROM"})

    result = run_module("hatci_fix_event", backend.url, vin=VIN, update_type="UROM")

    assert_is_about_another(result, "event", "update_type is 'RROM' instead of 'UROM'")


def test_a_source_event_is_not_deployed(backend: Backend) -> None:
    """Neither where the user gave its id, nor where SUMS gave it to the target too."""
    backend.answers({**FIXED, "update_type": "rrom"})

    result = run_module("hatci_deploy_event", backend.url)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "Event ev-000001 is a source event (RROM)" in result["msg"] and "Nothing was deployed" in result["msg"]
    assert backend.calls == ["GET /api/v1/events/ev-000001"]


def test_who_does_not_say_what_an_event_is_for_gets_it_fixed(backend: Backend) -> None:
    backend.answers({**FIXED, "vin": ANOTHER_VIN, "update_type": "RROM"})

    assert run_module("hatci_fix_event", backend.url)["fixed"]


def test_a_fix_whose_answer_is_about_another_event_is_settled_by_looking(backend: Backend) -> None:
    open_event, another = reply_json({**FIXED, "fixed": False, "state": "OPEN"}), reply_json({**FIXED, "event_id": "9"})
    backend.replies(open_event, another, reply_json(FIXED))
    assert run_module("hatci_fix_event", backend.url)["event"] == FIXED

    backend.replies(open_event, another, open_event, another)
    result = run_module("hatci_fix_event", backend.url)
    assert_is_about_another(result, "event", "event_id is '9' instead of 'ev-000001'")
    assert "It is unknown whether event ev-000001 is fixed now" in result["msg"]


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        ({"fixed": True, "state": "created"}, "state is CREATED"),
        ({"fixed": False, "state": "FIXED"}, "fixed is false"),
        ({"fixed": "false", "state": "FIXED"}, "fixed is false"),
        ({"fixed": True, "state": "FIXED", "status": "error"}, "status is ERROR"),
        ({"fixed": True, "error_message": "locked by another"}, "error_message is locked by another"),
    ],
)
def test_an_event_that_is_fixed_and_is_not_is_not_deployed(backend: Backend, answer: t.Any, doubt: str) -> None:
    backend.answers(answer)

    result = run_module("hatci_deploy_event", backend.url)

    assert f"Event ev-000001 is not fixed ({doubt})" in result["msg"]
    assert backend.calls == ["GET /api/v1/events/ev-000001"]


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"event_id": "ev-555555"}, "event_id is 'ev-555555' instead of 'ev-000001'"),
        ({"deployment_count": 7}, "deployment_count is '7' instead of '1'"),
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}' instead of '{VIN}'"),
    ],
)
def test_a_deployment_that_was_made_is_of_this_event(backend: Backend, difference: t.Any, words: str) -> None:
    backend.replies(reply_json(FIXED), reply_json({**DEPLOYMENT, "deployment_count": 1, **difference}))

    result = run_module("hatci_deploy_event", backend.url, vin=VIN)

    assert_is_about_another(result, "deployment", words)
    assert is_unknown(result)


@pytest.mark.parametrize("wait", [{}, WAIT], ids=["look", "wait"])
@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"deployment_id": "deploy-2"}, "deployment_id is 'deploy-2' instead of 'deploy-000001'"),
        ({"deployment_id": None, "id": 2}, "deployment_id is '2' instead of 'deploy-000001'"),
        ({"event_id": "ev-2"}, "event_id is 'ev-2' instead of 'ev-000001'"),
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}' instead of '{VIN}'"),
    ],
)
def test_the_deployment_that_answers_is_the_one_asked_for(
    backend: Backend, difference: t.Any, words: str, wait: t.Any
) -> None:
    backend.answers({**DEPLOYMENT, "state": "COMPLETE", **difference})

    result = run_module("hatci_update_status", backend.url, event_id="ev-000001", vin=VIN, **wait)

    assert_is_about_another(result, "deployment", words)
    assert len(backend.seen) == 1


def test_what_an_answer_does_not_show_is_borne_and_letter_case_of_a_vin_too(backend: Backend) -> None:
    for shown in ({}, {"vin": VIN.lower()}, {**DEPLOYMENT, "id": "other"}):
        backend.answers({"state": "PENDING", **shown})
        assert run_module("hatci_update_status", backend.url, event_id="ev-000001", vin=VIN)["state"] == "PENDING"


def test_a_deployment_that_was_created_at_another_time_is_another(backend: Backend) -> None:
    """SUMS was set up anew, and gave id, event id and vehicle once more."""
    before = {**DEPLOYMENT, "state": "IN_PROGRESS", "timestamps": {"created_at": "2024-02-01T08:00:00Z"}}
    after = {**DEPLOYMENT, "state": "COMPLETE", "timestamps": {"created_at": "2024-02-01T09:00:00Z"}}
    backend.replies(reply_json(before), reply_json({**before, "timestamps": {}}), reply_json(after))

    result = run_module("hatci_update_status", backend.url, event_id="ev-000001", vin=VIN, **WAIT)

    assert_is_about_another(result, "deployment", "it was created at 2024-02-01T09:00:00Z")
    assert len(backend.seen) == 3


OURS = {**FIXED, "build_level": "2024.02.01", "created_at": "2024-02-01T08:00:00Z"}


@pytest.mark.parametrize("module", ["hatci_fix_event", "hatci_deploy_event"])
@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"build_level": "2023.01.01"}, "build_level is '2023.01.01' instead of '2024.02.01'"),
        ({"created_at": "2024-02-01T09:00:00Z"}, "created_at is '2024-02-01T09:00:00Z'"),
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}'"),
    ],
)
def test_an_event_that_got_the_id_of_the_one_that_was_created_is_neither_fixed_nor_deployed(
    backend: Backend, module: str, difference: dict[str, str], words: str
) -> None:
    backend.answers({**OURS, "fixed": False, "state": "DRAFT", **difference})

    result = run_module(module, backend.url, event_id="ev-000001", created=OURS)

    assert_is_about_another(result, "event", words)
    assert [seen.method for seen in backend.seen] == ["GET"]


@pytest.mark.parametrize("shown", [{}, {"created_at": "2024-02-01T08:00:00.400+00:00"}, {"build_level": None}])
def test_the_event_that_was_created_is_deployed(backend: Backend, shown: dict[str, t.Any]) -> None:
    backend.replies(reply_json({**OURS, **shown}), reply_json({**DEPLOYMENT, "state": "PENDING"}))
    result = run_module("hatci_deploy_event", backend.url, event_id="ev-000001", created=OURS)
    assert result["deployment_id"] == "deploy-000001"


def test_a_deployment_that_got_the_id_of_the_one_that_was_created_is_another(backend: Backend) -> None:
    created = {**DEPLOYMENT, "state": "PENDING", "timestamps": {"created_at": "2024-02-01T08:00:00Z"}}
    done = {**DEPLOYMENT, "state": "COMPLETE", "timestamps": {"created_at": "2024-02-01T08:05:00Z"}}
    backend.answers(done)

    result = run_module("hatci_update_status", backend.url, created=created, **WAIT)

    assert_is_about_another(result, "deployment", "it was created at 2024-02-01T08:05:00Z")
    backend.answers({**done, "timestamps": {"created_at": "2024-02-01T08:00:00.730+00:00"}})
    assert run_module("hatci_update_status", backend.url, created=created, **WAIT)["state"] == "COMPLETE"


def test_the_last_look_asks_the_event_where_the_deployment_does_not_show_its_vehicle(backend: Backend) -> None:
    done = reply_json({"deployment_id": "deploy-000001", "event_id": "ev-000001", "state": "COMPLETE"})
    backend.replies(done, done, reply_json({**FIXED, "vin": ANOTHER_VIN}))
    result = run_module("hatci_update_status", backend.url, vin=VIN, **WAIT)
    assert_is_about_another(result, "event", f"vin is '{ANOTHER_VIN}'")
    assert backend.calls[2] == "GET /api/v1/events/ev-000001"

    backend.replies(done, done, reply_json(FIXED))
    assert run_module("hatci_update_status", backend.url, vin=VIN, **WAIT)["state"] == "COMPLETE"

    backend.seen.clear()
    backend.answers({**DEPLOYMENT, "state": "COMPLETE"})
    assert run_module("hatci_update_status", backend.url, vin=VIN, **WAIT)["state"] == "COMPLETE"
    assert len(backend.seen) == 2, "the deployment shows it itself"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"state": "COMPLETE", "status": "FAILED"}, "state is COMPLETE, but status is FAILED"),
        ({"state": "complete", "status": "in_progress"}, "state is COMPLETE, but status is IN_PROGRESS"),
        ({"state": "FAILED", "status": "COMPLETE"}, "state is FAILED, but status is COMPLETE"),
        ({"state": "CANCELLED", "status": "PENDING"}, "state is CANCELLED, but status is PENDING"),
        ({"status": "SUCCESS", "error_message": "late"}, "status is SUCCESS, but error_message is 'late'"),
        ({"state": "COMPLETE", "error": {"code": 7}}, "state is COMPLETE, but error is '{"),
        ({"state": "COMPLETE", "errors": [{"code": 7}]}, "state is COMPLETE, but errors is '["),
        ({"state": "COMPLETE", "status": ["FAILED"]}, "state is COMPLETE, but status is ['FAILED']"),
        ({"state": {"name": "FAILED"}, "status": "COMPLETE"}, "status is COMPLETE, but state is {'name': 'FAILED'}"),
        ({"state": 5, "status": "COMPLETE"}, "status is COMPLETE, but state is 5"),
        (
            {"state": "COMPLETE", "ecus": [{"ecu_name": "Radio", "status": "failed"}]},
            "state is COMPLETE, but status of its",
        ),
        ({"state": "COMPLETE", "progress": 40}, "state is COMPLETE, but progress is 40 %"),
        ({"state": ["FAILED"], "status": "COMPLETE"}, "status is COMPLETE, but state is ['FAILED']"),
    ],
)
def test_a_contradiction_within_an_answer_is_no_success(backend: Backend, answer: t.Any, words: str) -> None:
    backend.answers(answer)
    for wait in ({}, WAIT):
        result = run_module("hatci_update_status", backend.url, **wait)

        assert result["failed"] and result["outcome"] == "ERROR"
        assert_is_sentence(result["msg"])
        assert f"SUMS contradicts itself: {words}" in result["msg"]


def test_a_contradiction_that_passes_is_borne(backend: Backend) -> None:
    done = reply_json({"state": "COMPLETE", "status": "COMPLETED", "reason": "on schedule", "error": None})
    backend.replies(reply_json({"state": "COMPLETE", "status": "IN_PROGRESS"}), done)

    assert run_module("hatci_update_status", backend.url, **{**WAIT, "outage_timeout": 5.0})["state"] == "COMPLETE"


@pytest.mark.parametrize(
    "answer",
    [
        {"state": "COMPLETE", "status": "ok"},
        {"state": "FAILED", "status": "error", "reason": "ECU 3 burnt"},
        {"state": "IN_PROGRESS", "status": "success"},
        {"state": "IN_PROGRESS", "error_message": "retrying"},
        {"state": "COMPLETE", "progress": 99.6},
        {"state": "COMPLETE", "progress": "100 %"},
        {"state": "COMPLETE", "progress": "soon"},
        {"state": "FAILED", "progress": 40},
    ],
)
def test_what_two_keys_can_both_say_is_taken(backend: Backend, answer: t.Any) -> None:
    backend.answers(answer)

    assert run_module("hatci_update_status", backend.url)["state"] == answer["state"]


def test_one_name_with_two_values_is_not_an_answer(backend: Backend) -> None:
    backend.script[0].body = b'{"state": "FAILED", "state": "COMPLETE"}'  # type: ignore[union-attr]
    assert "no JSON" in run_module("hatci_update_status", backend.url)["msg"]

    backend.script[0].body = b'{"state": "COMPLETE", "state": "COMPLETE"}'  # type: ignore[union-attr]
    assert run_module("hatci_update_status", backend.url)["state"] == "COMPLETE"


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"test_event_id": "te-2"}, "test_event_id is 'te-2' instead of 'te-000001'"),
        ({"test_event_id": None, "id": "te-2"}, "test_event_id is 'te-2' instead of 'te-000001'"),
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}' instead of '{VIN}'"),
        ({"ansible_job_id": "18"}, "ansible_job_id is '18' instead of '17'"),
        ({"ansible_job_id": 18}, "ansible_job_id is '18' instead of '17'"),
    ],
)
def test_a_report_that_reached_another_test_event_is_a_failure_and_is_not_sent_again(
    backend: Backend, tmp_path: Path, difference: t.Any, words: str
) -> None:
    backend.answers({"test_event_id": "te-000001", "vin": VIN, "ansible_job_id": "17", "status": "PASS", **difference})

    result = run_module(
        "hatci_test_event_update",
        backend.url,
        summary="Gateway updated",
        vin=VIN,
        ansible_job_id="17",
        retry_timeout=20.0,
        keep_report_in=str(tmp_path),
    )

    assert_is_about_another(result, "test event", words)
    assert "What was sent for te-000001 (PASS, Gateway updated) may have changed that test event." in result["msg"]
    assert len(backend.seen) == 1 and list(tmp_path.iterdir()) == [] and "kept_report" not in result
    assert backend.seen[0].json == {"status": "PASS", "summary": "Gateway updated"}, "what must fit is not sent"


@pytest.mark.parametrize("job", ["17", 17])
def test_a_report_to_this_test_event_is_sent(backend: Backend, job: t.Any) -> None:
    backend.answers({"id": "te-000001", "vin": VIN.lower(), "ansible_job_id": job, "status": "PASS"})

    assert run_module("hatci_test_event_update", backend.url, vin=VIN, ansible_job_id="17")["changed"]


def test_a_job_that_has_no_id_is_not_compared(backend: Backend) -> None:
    backend.answers({"ansible_job_id": "17", "status": "PASS"})

    for job in ("manual", ""):
        assert run_module("hatci_test_event_update", backend.url, ansible_job_id=job)["changed"]


def test_an_event_that_sums_did_not_link_is_a_failure_whose_report_is_kept(backend: Backend, tmp_path: Path) -> None:
    backend.answers({"status": "PASS", "event_id": "pending"})

    result = run_module("hatci_test_event_update", backend.url, event_id="ev-2", keep_report_in=str(tmp_path))

    assert "event_id ev-2 was sent for test event te-000001, but SUMS answers that it holds 'pending'" in result["msg"]
    assert json.loads(Path(result["kept_report"]).read_text())["event_id"] == "ev-2"


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        ({"vin": ANOTHER_VIN}, f"vin is '{ANOTHER_VIN}' instead of '{VIN}'"),
        ({"ansible_job_id": "18"}, "ansible_job_id is '18' instead of '17'"),
    ],
)
def test_a_test_event_that_was_created_is_of_this_vehicle_and_job(
    backend: Backend, difference: t.Any, words: str
) -> None:
    backend.answers({"test_event_id": "te-1", "vin": VIN, "ansible_job_id": "17", **difference})

    result = run_module("hatci_test_event", backend.url, ansible_job_id="17")

    assert_is_about_another(result, "test event", words)
    assert is_unknown(result)


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("hatci_create_event", EVENT),
        ("hatci_test_event", {"vin": VIN, "suite_name": "s"}),
        ("hatci_test_event_update", {"test_event_id": "te-000001", "status": "PASS"}),
    ],
)
def test_an_answer_that_tells_of_an_error_is_no_success(
    backend: Backend, module: str, arguments: dict[str, t.Any]
) -> None:
    ids = {"event_id": "ev-000001", "test_event_id": "te-000001", "vin": VIN, "status": "PASS"}
    backend.answers({**ids, "error": "not saved: the database is read-only"})
    result = run_module(module, backend.url, {**arguments, "retry_timeout": 0})

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "SUMS contradicts itself" in result["msg"] and "not saved: the database is read-only" in result["msg"]


@pytest.mark.parametrize(
    ("module", "answer"),
    [
        ("hatci_create_event", {"event_id": "ev-1", "error": "not saved"}),
        ("hatci_test_event", {"test_event_id": "te-1", "errors": ["not saved"]}),
        ("hatci_test_event", {"test_event_id": "te-1", "error_message": "not saved"}),
    ],
)
def test_a_new_record_with_an_error_may_or_may_not_be_there(
    backend: Backend, module: str, answer: dict[str, t.Any]
) -> None:
    backend.answers(answer)

    result = run_module(module, backend.url)

    assert result["failed"] and is_unknown(result) and "not saved" in result["msg"]
    assert len(backend.seen) == 1


@pytest.mark.parametrize(
    ("answer", "is_refused"),
    [
        ({"state": "PENDING", "error": "read-only"}, True),
        ({"state": "COMPLETE", "errors": ["read-only"]}, True),
        ({"error": "read-only"}, True),
        ({"state": "FAILED", "error_message": "ECU 3 burnt"}, False),
    ],
)
def test_a_new_deployment_with_an_error_has_failed_or_is_unknown(
    backend: Backend, answer: dict[str, t.Any], is_refused: bool
) -> None:
    backend.replies(reply_json(FIXED), reply_json({**DEPLOYMENT, **answer}))

    result = run_module("hatci_deploy_event", backend.url, vin=VIN)

    assert bool(result.get("failed")) == is_refused
    assert not is_refused or (is_unknown(result) and "read-only" in result["msg"])


@pytest.mark.parametrize("key", ["error", "errors", "error_message"])
def test_a_report_that_was_answered_with_an_error_does_not_count_as_told(
    backend: Backend, key: str, tmp_path: Path
) -> None:
    backend.answers({"test_event_id": "te-000001", "status": "PASS", key: "not saved: the database is read-only"})

    result = run_module(
        "hatci_test_event_update", backend.url, status="PASS", keep_report_in=str(tmp_path), retry_timeout=0.0
    )

    assert result["failed"] and f"{key} is 'not saved: the database is read-only'" in result["msg"]
    assert len(list(tmp_path.iterdir())) == 1, "it can be sent later"


def test_what_went_wrong_in_a_test_may_stand_in_its_test_event(backend: Backend) -> None:
    backend.answers({"test_event_id": "te-000001", "status": "FAIL", "error_message": "ECU 3 burnt"})

    assert not run_module("hatci_test_event_update", backend.url, status="FAIL").get("failed")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": "DOWN"}, "status is DOWN"),
        ({"status": "unhealthy"}, "status is UNHEALTHY"),
        ({"status": "ok", "error": "the database is away"}, "error is 'the database is away'"),
    ],
)
def test_a_sums_that_calls_itself_out_of_order_is_not_up(backend: Backend, answer: t.Any, words: str) -> None:
    backend.answers(answer)

    result = run_module("hatci_health", backend.url, retry_timeout=0.0)

    assert result["failed"] and f"says of itself that {words}" in result["msg"]
    assert_is_sentence(result["msg"])


@pytest.mark.parametrize("answer", [{"status": "ok"}, {"status": "UP"}, {"status": "degraded"}, {}, ["ok"], "ok"])
def test_a_sums_that_is_up_may_say_so_in_any_words(backend: Backend, answer: t.Any) -> None:
    backend.answers(answer)

    assert not run_module("hatci_health", backend.url).get("failed")
