# SPDX-License-Identifier: GPL-3.0-or-later
"""What each operation asks, sends, accepts and refuses."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from scripted_backend import Backend, Drop, Reply, reply_json
from sums_support import ECUS, EVENT, MODULES, TOKEN, VIN, assert_is_sentence, is_unknown, module_named, run_module

from ansible_collections.hatci.automation.plugins.module_utils._sums import reports
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import find_progress

CREATES = {
    "hatci_create_event": ("events", "event_id", "event"),
    "hatci_deploy_event": ("deployments", "deployment_id", "deployment"),
    "hatci_test_event": ("test_events", "test_event_id", "test_event"),
}
FIXED = reply_json({"event_id": "ev-000001", "fixed": True})


def create(backend: Backend, module: str, *replies: Reply | Drop, **options: t.Any) -> dict[str, t.Any]:
    """Run a module that creates a record; what a deployment looks at first is fixed."""
    backend.replies(*([FIXED] if module == "hatci_deploy_event" else []), *replies)
    return run_module(module, backend.url, **options)


@pytest.mark.parametrize("module", CREATES)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_created_records(backend: Backend, module: str, status: int) -> None:
    collection, key, what = CREATES[module]
    record = {key: "x-1", "id": "other", "state": "pending"}

    result = create(backend, module, reply_json(record, status))

    assert result["changed"] is True and result[key] == "x-1" and result[what] == record
    assert backend.calls[-1] == f"POST /api/v1/{collection}"


@pytest.mark.parametrize("module", CREATES)
@pytest.mark.parametrize(("record", "found"), [({"id": "y"}, "y"), ({"id": 12}, "12")])
def test_the_other_spelling_of_an_id(backend: Backend, module: str, record: t.Any, found: str) -> None:
    assert create(backend, module, reply_json(record))[CREATES[module][1]] == found


AMBIGUOUS: dict[str, Reply | Drop] = {
    "500": reply_json({"error": "boom"}, 500),
    "502": Reply(502, b"<html><title>Bad gateway</title></html>"),
    "503": reply_json({"error": "down"}, 503),
    "504": reply_json({"error": "late"}, 504),
    "lost": Drop(),
    "cut off": Reply(200, b'{"id', promised=100),
    "silent": Reply(delay=60),
    "no id": reply_json({"state": "PENDING"}),
    "empty id": reply_json({"id": "", "event_id": None}),
    "id of a wrong type": reply_json({"id": ["x"], "event_id": 1.5}),
    "id that fits no address": reply_json({"id": "x" * 300}),
    "id that is a path": reply_json({"id": ".."}),
    "not JSON": Reply(200, b"OK"),
    "nothing": Reply(204, b""),
    "a list": reply_json([{"id": "x"}]),
    "login page": Reply(200, b"<html><title>Sign in</title></html>", content_type="text/html"),
    "huge": Reply(200, b" " * 5 * 1024 * 1024),
}


@pytest.mark.parametrize("module", CREATES)
@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_an_ambiguous_post_is_sent_once_and_said_to_be_unknown(backend: Backend, module: str, kind: str) -> None:
    result = create(backend, module, AMBIGUOUS[kind], retry_timeout=30.0, timeout=0.5)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert is_unknown(result) and "before you run this again" in result["msg"]
    assert result["sent"] == backend.seen[-1].json
    assert sum(call.startswith("POST") for call in backend.calls) == 1
    key = backend.seen[-1].headers["idempotency-key"]
    assert key in result["msg"]


@pytest.mark.parametrize("module", CREATES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 302])
def test_a_refused_post_is_not_unknown(backend: Backend, module: str, status: int) -> None:
    result = create(backend, module, reply_json({"error": "no"}, status))

    assert result["failed"] and not is_unknown(result)
    assert_is_sentence(result["msg"])
    assert result["status"] == status


@pytest.mark.parametrize("module", MODULES)
def test_check_mode_only_reads(backend: Backend, module: str) -> None:
    backend.answers({"event_id": "ev-000001", "fixed": True, "state": "fixed"})

    result = run_module(module, backend.url, check_mode=True)

    assert not result.get("failed")
    assert all(call.startswith("GET") for call in backend.calls)


@pytest.mark.parametrize(
    ("module", "option"),
    [
        ("hatci_fix_event", "event_id"),
        ("hatci_deploy_event", "event_id"),
        ("hatci_update_status", "deployment_id"),
        ("hatci_test_event_update", "test_event_id"),
    ],
)
def test_the_placeholder_of_check_mode_works_in_check_mode_only(backend: Backend, module: str, option: str) -> None:
    predicted = run_module(module, backend.url, check_mode=True, **{option: "check-mode"})
    refused = run_module(module, backend.url, **{option: "check-mode"})

    assert not predicted.get("failed")
    assert refused["failed"] and option in refused["msg"] and "check mode" in refused["msg"]
    assert backend.seen == []


@pytest.mark.parametrize("module", MODULES)
def test_an_option_left_empty_is_a_sentence(backend: Backend, module: str) -> None:
    """`vin:` without a value is null, which Ansible takes for given."""
    backend.answers({"fixed": True, "state": "fixed", "status": "fixed"})
    for name in module_named(module).ARGUMENTS["argument_spec"]:
        try:
            result = run_module(module, backend.url, check_mode=True, **{name: None})
        except ValueError as refusal:  # Ansible itself refuses it
            assert name in str(refusal)
            continue

        if result.get("failed"):
            assert_is_sentence(result["msg"])
            assert name in result["msg"], name


def test_an_event_is_sent_as_given_and_without_what_is_unset(backend: Backend) -> None:
    create(backend, "hatci_create_event", reply_json({"id": "x"}))
    create(backend, "hatci_create_event", reply_json({"id": "x"}), remark="", region_spec="north")

    assert backend.seen[0].json == EVENT
    assert backend.seen[1].json == {**EVENT, "remark": "", "region_spec": "north"}


@pytest.mark.parametrize("name", ["tester_name", "program_name", "model_year", "vin", "region", "build_level"])
@pytest.mark.parametrize("value", ["", "  "])
def test_an_event_needs_its_texts(backend: Backend, name: str, value: str) -> None:
    result = run_module("hatci_create_event", backend.url, **{name: value})

    assert_is_sentence(result["msg"])
    assert name in result["msg"]
    assert backend.seen == []


@pytest.mark.parametrize(
    "ecus",
    [
        [],
        [*ECUS, {**ECUS[0], "ecu_name": ""}],
        [{**ECUS[0], "part_number": " "}],
        [{**ECUS[0], "sw_version": ""}],
    ],
)
def test_an_event_needs_whole_ecus(backend: Backend, ecus: list[t.Any]) -> None:
    result = run_module("hatci_create_event", backend.url, ecus=ecus)

    assert_is_sentence(result["msg"])
    assert "ecus" in result["msg"]
    assert backend.seen == []


def test_a_fixed_event_stays_as_it_is(backend: Backend) -> None:
    backend.answers({"id": 1, "status": "Fixed"})

    result = run_module("hatci_fix_event", backend.url, event_id="1")

    assert result == {"changed": False, "fixed": True, "event": {"id": 1, "status": "Fixed"}}
    assert backend.calls == ["GET /api/v1/events/1"]


OPEN = reply_json({"event_id": "ev-000001", "fixed": False, "state": "CREATED"})
FIX = "POST /api/v1/events/ev-000001/fix"
LOOK = "GET /api/v1/events/ev-000001"


def test_an_event_is_fixed_with_an_empty_object(backend: Backend) -> None:
    backend.replies(OPEN, FIXED)

    result = run_module("hatci_fix_event", backend.url)

    assert result["changed"] and result["fixed"] is True
    assert backend.calls == [LOOK, FIX]
    assert backend.seen[1].json == {}


@pytest.mark.parametrize("answer", [{"fixed": False}, {}, {"fixed": "yes"}, {"fixed": 1}, {"state": "FIXING"}])
def test_an_event_that_sums_does_not_call_fixed_is_a_failure(backend: Backend, answer: t.Any) -> None:
    backend.replies(OPEN, reply_json(answer))

    result = run_module("hatci_fix_event", backend.url)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "does not say that the event is fixed" in result["msg"]


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "lost", "cut off", "silent", "not JSON", "login page"])
def test_a_fix_whose_reply_is_lost_is_settled_by_looking(backend: Backend, kind: str) -> None:
    backend.replies(OPEN, AMBIGUOUS[kind], FIXED)
    adopted = run_module("hatci_fix_event", backend.url, timeout=0.5)
    assert adopted["changed"] and adopted["fixed"]
    assert backend.calls == [LOOK, FIX, LOOK]

    backend.seen.clear()
    backend.replies(OPEN, AMBIGUOUS[kind], OPEN, FIXED)
    again = run_module("hatci_fix_event", backend.url, timeout=0.5)
    assert again["changed"] and again["fixed"]
    assert backend.calls == [LOOK, FIX, LOOK, FIX]


def test_a_fix_that_somebody_else_did_meanwhile_counts(backend: Backend) -> None:
    backend.replies(OPEN, reply_json({"error": "already fixed"}, 409), FIXED)

    assert run_module("hatci_fix_event", backend.url)["fixed"]


@pytest.mark.parametrize("kind", ["500", "lost", "silent", "login page"])
def test_a_fix_that_stays_ambiguous_is_said_to_be_unknown(backend: Backend, kind: str) -> None:
    """Neither the fix nor the look after it gets an answer."""
    backend.replies(OPEN, AMBIGUOUS[kind], reply_json({"error": "down"}, 500))
    blind = run_module("hatci_fix_event", backend.url, timeout=0.3)
    backend.replies(OPEN, AMBIGUOUS[kind], OPEN, AMBIGUOUS[kind])
    twice = run_module("hatci_fix_event", backend.url, timeout=0.3)

    for result in (blind, twice):
        assert result["failed"]
        assert_is_sentence(result["msg"])
        assert is_unknown(result)


def test_a_fix_refused_is_not_repeated(backend: Backend) -> None:
    backend.replies(OPEN, reply_json({"error": "no"}, 422))
    assert run_module("hatci_fix_event", backend.url)["status"] == 422

    backend.replies(OPEN, reply_json({"error": "wrong state"}, 409), OPEN)
    assert "wrong state" in run_module("hatci_fix_event", backend.url)["msg"]
    assert [call for call in backend.calls if call == FIX] == [FIX, FIX]


def test_an_event_that_is_not_fixed_is_not_deployed(backend: Backend) -> None:
    for check_mode in (False, True):
        backend.answers({"event_id": "ev-000001", "state": "created"})
        result = run_module("hatci_deploy_event", backend.url, check_mode=check_mode)

        assert_is_sentence(result["msg"])
        assert "not fixed" in result["msg"] and "CREATED" in result["msg"] and "Nothing was deployed" in result["msg"]
    assert set(backend.calls) == {LOOK}


def test_a_deployment_is_sent_as_given(backend: Backend) -> None:
    window = {"start_datetime": "2024-02-01T08:00:00Z", "end_datetime": "2024-02-01T09:00:00+00:00"}
    create(backend, "hatci_deploy_event", reply_json({"id": "x"}), deployment_count=3, **window)

    assert backend.seen[-1].json == {"event_id": "ev-000001", "deployment_count": 3, **window}


@pytest.mark.parametrize(
    ("answer", "state"), [({"state": "completed"}, "COMPLETE"), ({"status": "x"}, "X"), ({}, "UNKNOWN")]
)
def test_the_state_of_a_new_deployment(backend: Backend, answer: t.Any, state: str) -> None:
    assert create(backend, "hatci_deploy_event", reply_json({"id": "x", **answer}))["state"] == state


@pytest.mark.parametrize(
    "wrong",
    [
        {"deployment_count": 0},
        {"deployment_count": -1},
        {"start_datetime": "tomorrow"},
        {"end_datetime": "2024-13-01T00:00:00Z"},
        {"start_datetime": ""},
        {"start_datetime": "x" * 5000},
        {"start_datetime": "2024-02-01T08:00:00Z", "end_datetime": "2024-02-01T08:00:00Z"},
        {"start_datetime": "2024-02-01T08:00:00", "end_datetime": "2024-02-01T09:00:00+02:00"},
    ],
)
def test_a_schedule_that_cannot_be(backend: Backend, wrong: dict[str, t.Any]) -> None:
    result = run_module("hatci_deploy_event", backend.url, **wrong)

    assert_is_sentence(result["msg"])
    assert next(iter(wrong)) in result["msg"]
    assert backend.seen == []


def test_a_test_event_with_nothing_but_a_vin(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOB_ID", raising=False)
    create(backend, "hatci_test_event", reply_json({"id": "x"}))

    assert backend.seen[0].json == {
        "vin": VIN,
        "event_id": "pending",
        "suite_name": "ota",
        "ansible_job_id": "manual",
        "git_sha": "unknown",
    }


@pytest.mark.parametrize(("given", "sent"), [(None, "77"), ("", "77"), ("manual", "77"), ("5", "5")])
def test_the_job_of_a_test_event(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, given: str | None, sent: str
) -> None:
    monkeypatch.setenv("JOB_ID", "77")
    create(backend, "hatci_test_event", reply_json({"id": "x"}), ansible_job_id=given, git_sha="  ")

    assert backend.seen[0].json["ansible_job_id"] == sent
    assert backend.seen[0].json["git_sha"] == "unknown"


def test_a_test_event_needs_a_vin(backend: Backend) -> None:
    assert "vin" in run_module("hatci_test_event", backend.url, vin=" ")["msg"]
    assert backend.seen == []


def test_a_test_event_keeps_metadata_and_vehicle(backend: Backend) -> None:
    more = {"metadata": {"deep": [1, {"ü": None}]}, "vehicle_id": "veh-1"}
    create(backend, "hatci_test_event", reply_json({"id": "x"}), **more)

    assert {name: backend.seen[0].json[name] for name in more} == more


def test_an_update_sends_what_is_given(backend: Backend) -> None:
    change = {"summary": "", "artifact_urls": [], "event_id": "ev-9", "metadata": {}, "status": "FAIL"}
    backend.answers({"id": "te-000001", **change})

    result = run_module("hatci_test_event_update", backend.url, {"test_event_id": "te-000001", **change})

    assert result == {"changed": True, "test_event": {"id": "te-000001", **change}}
    assert backend.calls == ["PATCH /api/v1/test_events/te-000001"]
    assert backend.seen[0].json == change


def test_an_update_of_nothing_is_refused(backend: Backend) -> None:
    result = run_module("hatci_test_event_update", backend.url, {"test_event_id": "te-000001"})

    assert "nothing to change" in result["msg"]
    assert backend.seen == []


@pytest.mark.parametrize("held", ["FAIL", "RUNNING", "pass", None, 1, ["PASS"], "x" * 500])
def test_another_status_than_the_one_sent_is_a_failure(backend: Backend, held: t.Any) -> None:
    backend.answers({"id": "te-000001", "status": held})

    result = run_module("hatci_test_event_update", backend.url)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "PASS" in result["msg"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"id": "te-000001"}, "without the status of the test event, so it does not show that it holds PASS"),
        ({"id": "te-000001", "status": None}, "without the status of the test event"),
        ({}, "without the status of the test event"),
        ({"error": "not allowed"}, "without the status of the test event (error: not allowed)"),
    ],
)
@pytest.mark.usefixtures("quick_retries")
def test_an_answer_that_does_not_show_the_status_is_not_believed(
    backend: Backend, tmp_path: Path, answer: t.Any, words: str
) -> None:
    shown = reply_json({"id": "te-000001", "status": "PASS"})
    backend.replies(reply_json(answer), shown)
    assert not run_module("hatci_test_event_update", backend.url, retry_timeout=20.0).get("failed")
    assert len(backend.seen) == 2

    backend.answers(answer)
    result = run_module("hatci_test_event_update", backend.url, retry_timeout=0.05, keep_report_in=str(tmp_path))
    assert_is_sentence(result["msg"])
    assert words in result["msg"] and is_unknown(result)
    assert Path(result["kept_report"]).exists()


def test_a_report_without_a_status_needs_none_in_the_answer(backend: Backend) -> None:
    backend.answers({"id": "te-000001"})

    result = run_module("hatci_test_event_update", backend.url, {"test_event_id": "te-000001", "summary": "s"})

    assert not result.get("failed")


@pytest.mark.parametrize("kind", ["500", "502", "lost", "cut off", "silent", "not JSON", "login page", "a list"])
def test_an_update_whose_reply_is_lost_is_sent_again_since_it_says_the_same(backend: Backend, kind: str) -> None:
    backend.replies(AMBIGUOUS[kind], reply_json({"id": "te-000001", "status": "PASS"}))

    result = run_module("hatci_test_event_update", backend.url, timeout=0.5, retry_timeout=20.0)

    assert not result.get("failed")
    assert len(backend.seen) == 2
    assert backend.seen[0].body == backend.seen[1].body


@pytest.mark.parametrize("kind", ["500", "lost", "cut off", "silent", "not JSON", "login page", "a list"])
def test_an_update_that_stays_ambiguous_is_said_to_be_unknown(backend: Backend, kind: str, tmp_path: Path) -> None:
    backend.replies(AMBIGUOUS[kind])

    result = run_module("hatci_test_event_update", backend.url, timeout=0.3, keep_report_in=str(tmp_path / "kept"))

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert is_unknown(result)
    kept = json.loads(Path(result["kept_report"]).read_text())
    assert kept == {"test_event_id": "te-000001", "sums": backend.url, "status": "PASS"}
    assert TOKEN not in Path(result["kept_report"]).read_text()


def test_a_report_that_quotes_the_token_is_kept_without_it(backend: Backend, tmp_path: Path) -> None:
    backend.answers({"error": "down"}, 500)
    quoting = {"summary": f"curl said {TOKEN}", "metadata": {"disturbances": [{"problem": f"401 for {TOKEN}"}]}}

    result = run_module("hatci_test_event_update", backend.url, keep_report_in=str(tmp_path), **quoting)

    kept = Path(result["kept_report"]).read_text()
    assert "curl said" in kept and "401 for" in kept and TOKEN not in kept
    assert all(TOKEN not in json.dumps(seen.json) for seen in backend.seen)


@pytest.mark.parametrize("default", ["default", "file"])
def test_a_report_that_cannot_be_kept_is_said(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(reports, "default_directory", lambda: str(tmp_path / default))
    backend.answers({"error": "down"}, 500)

    result = run_module("hatci_test_event_update", backend.url, keep_report_in=str(tmp_path / "file"))

    assert_is_sentence(result["msg"])
    either = " either" if default == "file" else ""
    assert f"The report could not be kept in {tmp_path}/file{either}: File exists." in result["msg"]
    assert [path.parent.name for path in tmp_path.glob("default/*.json")] == ([] if either else ["default"])
    assert (default == "file") != ("kept_report" in result)


def test_a_kept_report_goes_when_sums_knows(backend: Backend, tmp_path: Path) -> None:
    backend.answers({"error": "down"}, 500)
    kept = Path(run_module("hatci_test_event_update", backend.url, keep_report_in=str(tmp_path))["kept_report"])
    assert kept.stat().st_mode & 0o077 == 0

    backend.answers({"status": "PASS"})
    run_module("hatci_test_event_update", backend.url, keep_report_in=str(tmp_path))

    assert not kept.exists()


@pytest.mark.parametrize(
    ("said", "percent"),
    [(42, 42), (12.5, 12.5), ("42", 42), (" 12.5 % ", 12.5), ("100%", 100), ("0", 0), ("101", None), ("-1", None)]
    + [(words, None) for words in ("", "half", "1e2", "nan", "4 2", "\u0664", True, None, [42], float("nan"))],
)
def test_a_progress_is_a_percentage_also_as_text(said: t.Any, percent: float | None) -> None:
    assert find_progress({"progress": said}) == percent


@pytest.mark.parametrize(("option", "call"), [("deployment_id", "deployments"), ("event_id", "events")])
def test_one_look(backend: Backend, option: str, call: str) -> None:
    record = {"status": "cancelled", "error_message": "late", "timestamps": {"a": "b"}, "progress": 3}
    backend.answers(record)

    result = run_module("hatci_update_status", backend.url, {option: "x-1"})

    assert result == {
        "changed": False,
        "state": "CANCELLED",
        "reason": "late",
        "timestamps": {"a": "b"},
        "status": record,
    }
    assert backend.calls == [f"GET /api/v1/{call}/x-1"]


def test_one_look_at_a_failed_deployment_is_no_failure(backend: Backend) -> None:
    backend.answers({"state": "failed", "reason": "ECU"})

    result = run_module("hatci_update_status", backend.url)

    assert not result.get("failed") and result["state"] == "FAILED" and result["reason"] == "ECU"


@pytest.mark.parametrize("timestamps", [None, [], "x", 3])
def test_times_that_are_none(backend: Backend, timestamps: t.Any) -> None:
    backend.answers({"state": "x", "timestamps": timestamps})

    assert run_module("hatci_update_status", backend.url)["timestamps"] == {}


@pytest.mark.parametrize("record", [{}, {"state": ""}, {"state": 7}])
def test_an_answer_without_a_state_is_a_failure(backend: Backend, record: t.Any) -> None:
    backend.answers(record)

    assert "without a state" in run_module("hatci_update_status", backend.url)["msg"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"wait_timeout": 0.0},
        {"wait_timeout": float("nan")},
        {"wait_timeout": float("inf")},
        {"poll_interval": -1.0},
        {"poll_interval": float("nan")},
        {"outage_timeout": -1.0},
        {"outage_timeout": float("nan")},
        {"success_states": []},
        {"failure_states": []},
        {"success_states": [""]},
        {"success_states": ["done", "failed"]},
        {"failure_states": ["completed"]},
        {"success_states": ["unknown"]},
    ],
)
def test_a_wait_that_cannot_be(backend: Backend, wrong: dict[str, t.Any]) -> None:
    result = run_module(
        "hatci_update_status", backend.url, wait=True, **{"wait_timeout": 1.0, "poll_interval": 0.1, **wrong}
    )

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert next(iter(wrong)) in result["msg"]
    assert backend.seen == []


def test_a_wait_over_the_wire(backend: Backend) -> None:
    """The whole way once; test_waiter.py has every other case in fake time."""
    said: list[str] = []
    backend.replies(
        reply_json({"error": "unknown"}, 404),
        reply_json({"state": "PENDING"}),
        Drop(),
        Reply(200, b"<html>"),
        reply_json({"state": "IN_PROGRESS", "progress": 50}),
        reply_json({"state": "SUCCESS"}),
    )

    result = run_module(
        "hatci_update_status",
        backend.url,
        wait=True,
        wait_timeout=60.0,
        poll_interval=0.01,
        extras={"say": said.append},
    )

    assert not result.get("failed") and result["state"] == "COMPLETE"
    assert len(backend.seen) == 7, "the success is looked at twice"
    assert any("IN_PROGRESS 50 %" in line for line in said)


def test_a_point_over_the_wire(backend: Backend) -> None:
    backend.replies(reply_json({"state": "PENDING"}), reply_json({"state": "Installing", "progress": 41}))
    for point in ({"until_progress": 40.0}, {"until_state": "installing"}):
        result = run_module("hatci_update_status", backend.url, poll_interval=0.01, **point)

        assert (result["reached"], result["state"], result["progress"]) == (True, "INSTALLING", 41)
        assert result["seen_at"].endswith("Z") and not result["changed"]

    backend.answers({"state": "failed", "reason": "ECU"})
    result = run_module("hatci_update_status", backend.url, until_progress=40.0)
    assert not result.get("failed") and (result["reached"], result["state"], result["reason"]) == (
        False,
        "FAILED",
        "ECU",
    )

    assert "reached" not in run_module("hatci_update_status", backend.url)
    assert "reached" not in run_module("hatci_update_status", backend.url, until_progress=40.0, check_mode=True)


@pytest.mark.parametrize(
    "wrong",
    [{"until_progress": 0.0}, {"until_progress": 100.1}, {"until_progress": float("nan")}, {"until_state": " "}],
)
def test_a_point_that_cannot_be(backend: Backend, wrong: dict[str, t.Any]) -> None:
    result = run_module("hatci_update_status", backend.url, **wrong)

    assert_is_sentence(result["msg"])
    assert next(iter(wrong)) in result["msg"] and backend.seen == []
