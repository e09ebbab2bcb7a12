# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call of SUMS under every fault: what was injected, what SUMS ended up with, what the user was told.

The table is shown at the end of the run; HATCI_TABLES names a directory to write it to as Markdown.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
import typing as t
from collections.abc import Callable

import pytest
from run_report import RunReport
from sums_support import EVENT, TOKEN, assert_is_sentence, client_of, is_unknown, run_module

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, retry
from ansible_collections.hatci.automation.plugins.module_utils._sums.vehicles import list_vehicles
from hatci_lab.sums.process import SumsProcess

Result = dict[str, t.Any]
TABLE = "each module under each fault"
SETTLE_SECONDS = 60
MOST_REQUESTS = 60


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of the wire contract, and the module that makes it.

    :param prepare: brings SUMS into the state before the call and returns the module's arguments.
    :param truth: what SUMS holds of it, in words, given its state; "" for nothing.
    :param is_true: whether a success that the user was told is what SUMS holds.
    """

    method: str
    path: str
    run: Callable[..., Result]
    prepare: Callable[[SumsProcess], dict[str, t.Any]]
    truth: Callable[[dict[str, t.Any]], str]
    is_true: Callable[[Result, dict[str, t.Any]], bool]


def _nothing(_sums: SumsProcess) -> dict[str, t.Any]:
    return {}


def _event(sums: SumsProcess) -> dict[str, t.Any]:
    return {"event_id": sums.api("POST", "/events", EVENT).json()["event_id"], "vin": EVENT["vin"]}


def _fixed_event(sums: SumsProcess) -> dict[str, t.Any]:
    created = _event(sums)
    sums.api("POST", f"/events/{created['event_id']}/fix", {})
    return created


def _deployment(sums: SumsProcess) -> dict[str, t.Any]:
    sums.set_vehicle(EVENT["vin"], outcome="STUCK")
    event = _fixed_event(sums)
    deployment = sums.api("POST", "/deployments", {"event_id": event["event_id"]}).json()
    return {"deployment_id": deployment["deployment_id"], **event}


def _test_event(sums: SumsProcess) -> dict[str, t.Any]:
    body = {"vin": "V", "event_id": "pending", "ansible_job_id": "1", "git_sha": "x", "suite_name": "s"}
    test_event_id = sums.api("POST", "/test_events", body).json()["test_event_id"]
    return {"test_event_id": test_event_id, "status": "PASS", "vin": "V", "ansible_job_id": "1"}


def _module(name: str) -> Callable[..., Result]:
    def run(url: str, arguments: dict[str, t.Any], **options: t.Any) -> Result:
        return run_module(name, url, {**(EVENT if name == "hatci_create_event" else {}), **arguments}, **options)

    return run


def _list(url: str, _arguments: dict[str, t.Any], **options: t.Any) -> Result:
    try:
        with client_of(url, **options) as client:
            return {"vehicles": [vehicle["vin"] for vehicle in list_vehicles(client)]}
    except errors.SumsError as error:
        return error.as_result()


def _new_test_event(url: str, _arguments: dict[str, t.Any], **options: t.Any) -> Result:
    return run_module("hatci_test_event", url, {"vin": "V"}, **options)


def _count(kind: str) -> Callable[[dict[str, t.Any]], str]:
    return lambda state: f"{len(state[kind])} {kind.replace('_', ' ')[: None if len(state[kind]) != 1 else -1]}"


def _has(kind: str, key: str) -> Callable[[Result, dict[str, t.Any]], bool]:
    return lambda result, state: [record[key] for record in state[kind]] == [result[key]]


CALLS: dict[str, Call] = {
    "GET /health": Call(
        "GET",
        "/health",
        _module("hatci_health"),
        _nothing,
        lambda state: "nothing",
        lambda result, state: "health" in result,
    ),
    "GET /vehicles": Call(
        "GET",
        "/vehicles",
        _list,
        _event,
        _count("vehicles"),
        lambda result, state: result["vehicles"] == [EVENT["vin"]],
    ),
    "POST /events": Call(
        "POST", "/events", _module("hatci_create_event"), _nothing, _count("events"), _has("events", "event_id")
    ),
    "GET /events/{id}": Call(
        "GET",
        "/events/[^/]+",
        _module("hatci_update_status"),
        _event,
        lambda state: "event " + state["events"][0]["state"],
        lambda result, state: result["state"] == "CREATED",
    ),
    "POST /events/{id}/fix": Call(
        "POST",
        "/events/.*/fix",
        _module("hatci_fix_event"),
        _event,
        lambda state: "event " + state["events"][0]["state"],
        lambda result, state: state["events"][0]["fixed"],
    ),
    "POST /deployments": Call(
        "POST",
        "/deployments",
        _module("hatci_deploy_event"),
        _fixed_event,
        _count("deployments"),
        _has("deployments", "deployment_id"),
    ),
    "GET /deployments/{id}": Call(
        "GET",
        "/deployments/[^/]+",
        _module("hatci_update_status"),
        _deployment,
        lambda state: "deployment " + state["deployments"][0]["state"],
        lambda result, state: result["state"] not in ("COMPLETE", "FAILED", "UNKNOWN"),
    ),
    "POST /test_events": Call(
        "POST", "/test_events", _new_test_event, _nothing, _count("test_events"), _has("test_events", "test_event_id")
    ),
    "PATCH /test_events/{id}": Call(
        "PATCH",
        "/test_events/[^/]+",
        _module("hatci_test_event_update"),
        _test_event,
        lambda state: "test event " + state["test_events"][0]["status"],
        lambda result, state: state["test_events"][0]["status"] == "PASS",
    ),
}
SLOW = 0.6
PATIENCE = 0.3
STATUSES = (400, 401, 403, 404, 409, 422, 500, 502, 503, 504)
FAULTS: dict[str, dict[str, t.Any]] = {
    **{f"{status}": {"kind": "status", "status": status} for status in STATUSES},
    "429": {"kind": "status", "status": 429},
    "429, Retry-After 0": {"kind": "status", "status": 429, "headers": {"retry-after": "0"}},
    "429, Retry-After 1 h": {"kind": "status", "status": 429, "headers": {"retry-after": "3600"}},
    "503, Retry-After 0": {"kind": "status", "status": 503, "headers": {"retry-after": "0"}},
    "500 after it was done": {"kind": "status_after_commit"},
    "502 after it was done": {"kind": "status_after_commit", "status": 502},
    "504 after it was done": {"kind": "status_after_commit", "status": 504},
    "connection lost before": {"kind": "drop_before"},
    "connection lost after": {"kind": "drop_after"},
    "late, and done late": {"kind": "slow", "delay": SLOW},
    "late, but done at once": {"kind": "slow_after", "delay": SLOW},
    "silence": {"kind": "hang"},
    "garbage": {"kind": "garbage"},
    "garbage after it was done": {"kind": "garbage", "commit": True},
    "login page": {"kind": "html"},
    "login page after it was done": {"kind": "html", "commit": True},
    "HTML error page": {"kind": "html", "status": 502},
    "answer cut off": {"kind": "truncate"},
    "10 MB": {"kind": "huge"},
    "64 MiB in 64 kB": {"kind": "bomb"},
    "headers without end": {"kind": "drip_headers", "delay": 0.02},
    "body without end": {"kind": "drip_body", "delay": 0.02},
    "about another id": {
        "kind": "patch",
        "body": dict.fromkeys(["id", "event_id", "deployment_id", "test_event_id"], "another-1"),
    },
    "about another vehicle": {
        "kind": "patch",
        "body": {"vin": "KMHXX00XXXX000000", "ansible_job_id": "another-1", "deployment_count": 7},
    },
    "done, and failed": {
        "kind": "patch",
        "body": {"fixed": True, "state": "COMPLETE", "status": "FAILED", "error_message": "ECU 3 burnt"},
    },
    "done, and an error": {
        "kind": "patch",
        "body": {"state": "COMPLETE", "fixed": False, "error": "not saved: the database is read-only"},
    },
    "done, and unfinished": {"kind": "patch", "body": {"state": "COMPLETE", "fixed": False, "progress": 40}},
    "done, in a state of a wrong type": {
        "kind": "patch",
        "body": {"state": ["FAILED"], "status": "COMPLETE", "fixed": False},
    },
    "another id beside its own": {"kind": "patch", "body": {"id": 4711}},
    "null": {"kind": "replace", "body": None},
    "empty object": {"kind": "replace", "body": {}},
    "a list": {"kind": "replace", "body": [1, 2]},
    "a text": {"kind": "replace", "body": "all is well"},
    "nested 300 deep": {"kind": "replace", "body": json.loads('{"id":' * 300 + "1" + "}" * 300)},
    "no ids, no states": {
        "kind": "patch",
        "body": dict.fromkeys(
            ["id", "event_id", "deployment_id", "test_event_id", "state", "status", "fixed", "vehicles"]
        ),
    },
    "ids and states of a wrong type": {
        "kind": "patch",
        "body": {
            "id": [1],
            "event_id": {"a": 1},
            "deployment_id": True,
            "test_event_id": 1.5,
            "state": 7,
            "status": ["PASS"],
            "fixed": "yes",
            "vehicles": {},
        },
    },
    "the opposite": {"kind": "patch", "body": {"fixed": False, "state": "CREATED", "status": "FAIL"}},
    "redirect elsewhere": {"kind": "redirect", "headers": {"location": "https://evil.invalid/login"}},
    "redirect to itself": {"kind": "redirect", "status": 307, "headers": {"location": "/api/v1/health"}},
    "204": {"kind": "status", "status": 204},
}
HARMLESS = {
    "429",
    "429, Retry-After 0",
    "503, Retry-After 0",
}
"""Faults after which even a write is repeated."""
TRANSIENT_READS = {
    *HARMLESS,
    *("502", "503", "504", "502 after it was done", "504 after it was done", "HTML error page"),
    *("connection lost before", "connection lost after", "late, and done late", "late, but done at once"),
    *("silence", "answer cut off"),
}
"""Faults after which a read is repeated; one of them alone is never noticed."""

UNUSABLE = {
    *("64 MiB in 64 kB", "headers without end", "body without end"),
    *("garbage", "garbage after it was done", "login page", "login page after it was done", "HTML error page"),
    *(
        "answer cut off",
        "10 MB",
        "64 MiB in 64 kB",
        "headers without end",
        "body without end",
        "nested 300 deep",
        "silence",
        "204",
        "redirect elsewhere",
        "redirect to itself",
    ),
}
"""Faults whose answer cannot be believed, so that a call which gets nothing else must fail."""


CONTRADICTING = {"about another id", "about another vehicle", "done, and failed"}
TELL_NOTHING_APART = {
    *itertools.product(("GET /health", "GET /vehicles"), CONTRADICTING),
    *itertools.product(("POST /events", "POST /test_events"), ("about another id", "done, and failed")),
    ("POST /deployments", "done, and failed"),
}
"""Where an answer holds nothing that could contradict the request: the id of a new record is what SUMS says it is."""


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.05)


def _settled(sums: SumsProcess) -> list[dict[str, t.Any]]:
    """Return the requests once those that SUMS is late with are done."""
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        requests = sums.requests()
        if all(one["status"] is not None for one in requests if one["fault"] in ("slow", "slow_after")):
            return requests
        assert time.monotonic() < until, "the simulator does not come to rest"


def _inject(sums: SumsProcess, name: str, fault: str, times: int) -> tuple[Result, list[t.Any], dict[str, t.Any]]:
    call, rule = CALLS[name], FAULTS[fault]
    sums.reset()
    arguments = call.prepare(sums)
    sums.clear_requests()
    sums.add_fault(method=call.method, path=call.path, times=times, **rule)
    is_late = rule["kind"] in ("slow", "slow_after", "hang", "drip_headers", "drip_body")
    result = call.run(sums.url, arguments, timeout=PATIENCE if is_late else 20.0, retry_timeout=20.0 if times else 0.15)
    requests = _settled(sums)
    return result, requests, sums.state()


def _told(result: Result) -> str:
    if not result.get("failed"):
        return "success, with a warning" if result.get("warnings") else "success"
    return str(result["msg"])


def _check(name: str, fault: str, times: int, result: Result, requests: list[t.Any], state: dict[str, t.Any]) -> None:
    call = CALLS[name]
    held = call.truth(state)
    failed = bool(result.get("failed"))
    writes = [one for one in requests if one["method"] == "POST"]
    committed = [one for one in requests if one["committed"]]
    assert TOKEN not in json.dumps(result)
    assert len(requests) <= MOST_REQUESTS
    assert all(one["authorized"] for one in requests)
    for kind in ("events", "deployments", "test_events"):
        assert len(state[kind]) <= 1, "a duplicate"
    if failed:
        assert_is_sentence(result["msg"])
    else:
        is_own_id = (name, fault) in TELL_NOTHING_APART
        assert is_own_id or call.is_true(result, state), f"a false success: {result}, but {held}"
    if call.method == "POST" and not call.path.endswith("/fix"):
        assert len({one["headers"]["idempotency-key"] for one in writes}) == 1
        assert len(writes) == 1 or fault in HARMLESS
    if call.method == "GET":
        assert not writes
        if times and fault in TRANSIENT_READS:
            assert not failed, result["msg"]
    if failed and committed and call.method != "GET":
        contradicts = ("does not say that the event is fixed", "SUMS answers that it holds", "may have changed")
        is_told = is_unknown(result) or any(words in result["msg"] for words in contradicts)
        assert is_told, "the user is not told that SUMS may have done it"
    if failed and is_unknown(result):
        assert "again" in result["msg"]
    if fault in UNUSABLE and not (times and fault in TRANSIENT_READS) and (call.method == "GET" or not times):
        # An event that is fixed is seen by looking at it, whatever became of the fix's own answer.
        failed = failed or (call.path.endswith("/fix") and "FIXED" in held)
        assert failed, "nothing that can be believed came back"
    if fault in HARMLESS and times:
        assert not failed
    if fault in CONTRADICTING and (name, fault) not in TELL_NOTHING_APART:
        # A fix that is answered wrongly is settled by looking, a change by sending it again.
        is_settled = call.path.endswith("/fix") and "FIXED" in held
        is_sent_again = call.method == "PATCH" and times == 1 and len(requests) > 1
        assert failed or is_settled or is_sent_again, "an answer about something else"


@pytest.mark.parametrize("name", CALLS)
def test_faults(sums: SumsProcess, run_report: RunReport, name: str) -> None:
    broken = []
    for fault, times in itertools.product(FAULTS, (1, 0)):
        result, requests, state = _inject(sums, name, fault, times)
        often = "once" if times else "always"
        run_report.row(TABLE, name, fault, often, CALLS[name].truth(state), _told(result))
        run_report.count("faults injected into calls of modules", sums.faults()[0]["fired"])
        try:
            _check(name, fault, times, result, requests, state)
        except AssertionError as error:
            broken.append(f"{fault}, {often}: {str(error)[:600]}\n   told: {result.get('msg', 'success')}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", CALLS)
def test_an_outage_is_told_as_one(
    sums: SumsProcess, start_sums: Callable[..., SumsProcess], run_report: RunReport, name: str
) -> None:
    """Nobody listens: nothing was done, and that is what the user is told."""
    away = start_sums()
    arguments = CALLS[name].prepare(away)
    url = away.url
    away.stop()

    result = CALLS[name].run(url, arguments, timeout=5.0, retry_timeout=0.15)

    run_report.row(TABLE, name, "nobody listens", "always", "nothing new", _told(result))
    assert result["failed"] and not is_unknown(result)
    assert_is_sentence(result["msg"])
    assert "connection refused" in result["msg"] and "hatci_base_url" in result["msg"]


@pytest.mark.parametrize("name", CALLS)
def test_without_a_fault_all_succeed(sums: SumsProcess, name: str) -> None:
    call = CALLS[name]
    result = call.run(sums.url, call.prepare(sums), timeout=20.0)

    assert not result.get("failed") and call.is_true(result, sums.state())


def test_every_kind_of_fault_is_injected() -> None:
    from hatci_lab.sums.faults import ACTIONS

    assert {rule["kind"] for rule in FAULTS.values()} == set(ACTIONS)
