# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole playbook under each fault: no duplicate, no false PASS, nothing left, and a sentence for the user."""

from __future__ import annotations

import itertools
import typing as t
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from play_support import PLAYBOOKS, TEST_VARIABLES, VIN, is_locked, processes_of, wait_until
from run_report import RunReport

from hatci_lab.sums.process import SumsProcess

PATIENCE = 2
LATE = PATIENCE + 1
CALLS = {
    "GET /health": ("GET", "/health"),
    "POST /test_events": ("POST", "/test_events"),
    "POST /events": ("POST", "/events"),
    "GET /events/{id}": ("GET", "/events/[^/]+"),
    "POST /events/{id}/fix": ("POST", "/events/[^/]+/fix"),
    "POST /deployments": ("POST", "/deployments"),
    "GET /deployments/{id}": ("GET", "/deployments/[^/]+"),
    "PATCH /test_events/{id}": ("PATCH", "/test_events/[^/]+"),
}
FAULTS: dict[str, dict[str, t.Any]] = {
    "500 once": {"kind": "status", "status": 500, "body": {"error": "database is locked"}},
    "500 after it was done, once": {"kind": "status_after_commit"},
    "503 with Retry-After once": {"kind": "status", "status": 503, "headers": {"Retry-After": "1"}},
    "lost before it was processed, once": {"kind": "drop_before"},
    "answer lost, once": {"kind": "drop_after"},
    "answer lost, always": {"kind": "drop_after", "times": 0},
    "answer cut off, once": {"kind": "truncate"},
    "no answer, once": {"kind": "hang"},
    "late, and done late, once": {"kind": "slow", "delay": LATE},
    "late, but done at once, once": {"kind": "slow_after", "delay": LATE},
    "login page once": {"kind": "html"},
    "garbage once": {"kind": "garbage"},
    "10 MB once": {"kind": "huge"},
    "empty object once": {"kind": "replace", "body": {}},
    "the opposite, once": {"kind": "patch", "body": {"fixed": False, "state": "CREATED", "status": "FAIL"}},
    "redirect elsewhere, once": {"kind": "redirect", "headers": {"location": "https://evil.invalid/login"}},
}
"""Each kind of fault that the simulator knows."""

QUICK = {
    "hatci_timeout": PATIENCE,
    "hatci_retry_timeout": 3,
    "hatci_preflight_retry_timeout": 3,
    "hatci_report_results_retry_timeout": 3,
    "hatci_wait_for_update_outage_seconds": 3,
    "hatci_poll_timeout_seconds": 20,
    "ota_verify_ecus": False,
}


KEYED = ", keys honoured"
"""A row in which the collection was told that SUMS honours Idempotency-Key, as the simulator does."""
CREATIONS = ("POST /test_events", "POST /events", "POST /deployments")
LOST = ("answer lost, once", "lost before it was processed, once", "no answer, once")


@pytest.mark.newest_core
@pytest.mark.matrix
@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "fault"),
    [*itertools.product(CALLS, FAULTS), *itertools.product(CREATIONS, [fault + KEYED for fault in LOST])],
)
def test_fault(call: str, fault: str, sums: SumsProcess, play_vehicle: Callable, run_report: RunReport) -> None:
    method, path = CALLS[call]
    sums.add_fault(method=method, path=path, **FAULTS[fault.removesuffix(KEYED)])
    keyed = {"hatci_idempotent_posts": fault.endswith(KEYED)}

    done = play_vehicle(PLAYBOOKS / "ota_single_vehicle.yml", variables={**TEST_VARIABLES, **QUICK, **keyed})

    fired = sums.faults()[0]["fired"]
    kept = _kept(done)
    if kept:
        sums.clear_faults()
    wait_until(lambda: not [line for line in processes_of(done.home) if "_process import main" in line])
    wait_until(
        lambda: all(one["status"] is not None for one in sums.requests() if one["fault"] in ("slow", "slow_after"))
    )
    state = sums.state()
    told = _last_message(done)
    shown = told.replace(VIN, "VIN") if done.returncode else "nothing; the test went on and passed"
    run_report.row("the whole playbook under each fault", f"`{call}`", fault, _held(state, kept), shown)
    run_report.count("faults injected into whole tests", fired)

    assert "Traceback" not in done.output
    assert Counter(event["update_type"] for event in state["events"]) <= Counter(["RROM", "UROM"])
    assert len(state["deployments"]) <= 1
    assert len(state["test_events"]) <= 1
    assert not (done.home / "locks").exists() or not is_locked(done.home)
    passed = [event for event in state["test_events"] if event["status"] == "PASS"]
    completed = [deployment for deployment in state["deployments"] if deployment["state"] == "COMPLETE"]
    assert not passed or completed
    if done.returncode == 0:
        assert passed
    else:
        assert not fault.endswith(KEYED)
        assert told
        assert "\n" not in told
    running = [event for event in state["test_events"] if event["status"] == "RUNNING"]
    if running:
        assert call == "POST /test_events"
        assert "It is unknown whether SUMS now has the test event" in told
    assert not _kept(done)


def _last_message(done: t.Any) -> str:
    failed = [task.result.get("msg", "") for task in done.tasks if task.outcome == "failed"]
    return failed[-1].strip() if failed else ""


def _kept(done: t.Any) -> list[Path]:
    return list((done.home / "unsent-reports").glob("*.json"))


def _held(state: dict[str, t.Any], kept: list[Path]) -> str:
    events, deployments = len(state["events"]), len(state["deployments"])
    status = ", ".join(event["status"] for event in state["test_events"]) or "none"
    return (
        f"{events} event{'' if events == 1 else 's'}, {deployments} deployment{'' if deployments == 1 else 's'}, "
        f"test event: {status}{', report kept until SUMS answered' if kept else ''}"
    )
