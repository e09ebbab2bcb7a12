# SPDX-License-Identifier: GPL-3.0-or-later
"""What a record tells of a scenario, and that its outcome follows from that."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence.looks import checks_of
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of

STOOD_STILL = {"proven": False, "reached": False}
OPEN = {"succeeded": None}


def end_step(outcome: str) -> dict[str, t.Any]:
    """Return the step that judged the end of a scenario."""
    result = {"end_outcome": outcome, "summary": "The update was refused and the vehicle is unchanged."}
    state = "ok" if outcome == "PASS" else "failed"
    return {"module": "hatci_end_check", "outcome": state, "arguments": {"expect": "refused"}, "result": result}


def record(**changed: t.Any) -> dict[str, t.Any]:
    """Return what of a record decides, here of an update that SUMS refused as it should."""
    return {
        "checks": checks_of([end_step("PASS")]),
        "disturbances": [],
        "failure": None,
        "ended_by": "play",
        "deployment": None,
        "test": {"expect": "refused"},
        "troubles": [],
        "reported": "PASS",
        **changed,
    }


def test_the_end_is_a_check_with_what_was_expected() -> None:
    (check,) = checks_of([end_step("FAIL")])

    assert (check["name"], check["passed"], check["expected"], check["means"]) == ("end", False, "refused", "FAIL")
    assert check["measured"] == "The update was refused and the vehicle is unchanged."


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({}, "PASS"),
        ({"checks": checks_of([end_step("FAIL")])}, "FAIL"),
        ({"checks": checks_of([end_step("INVALID")])}, "INVALID"),
        ({"checks": []}, "ERROR"),
        ({"disturbances": [{"proven": False}]}, "INVALID"),
        ({"disturbances": [STOOD_STILL], "deployment": OPEN, "failure": {"outcome": "TIMEOUT"}}, "TIMEOUT"),
        ({"disturbances": [STOOD_STILL], "deployment": OPEN, "failure": {"outcome": "FAIL"}}, "FAIL"),
        ({"disturbances": [STOOD_STILL], "deployment": {"succeeded": True}}, "INVALID"),
        ({"disturbances": [STOOD_STILL]}, "INVALID"),
        ({"disturbances": [STOOD_STILL, STOOD_STILL], "deployment": OPEN}, "INVALID"),
        ({"deployment": {"succeeded": False}}, "PASS"),
        ({"deployment": {"succeeded": True}}, "FAIL"),
        ({"test": {"expect": ""}}, "ERROR"),
    ],
)
def test_the_outcome_of_a_scenario_follows_from_its_record(changed: dict[str, t.Any], outcome: str) -> None:
    assert outcome_of(record(**changed)) == outcome
