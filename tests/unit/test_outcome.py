# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed task makes of a test, what a run says of its vehicles, and the verdict over all."""

from __future__ import annotations

import dataclasses
import typing as t
import unicodedata

import pytest

from ansible_collections.hatci.automation.plugins.module_utils import _outcome
from ansible_collections.hatci.automation.plugins.module_utils._outcome import Campaign, VehicleTest
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation

VIN = "1HGBH41JXMN109186"
PASSED = {"outcome": "PASS", "vin": VIN, "state": "COMPLETE", "took": 754.4, "held": 12, "summary": "All is well."}
FAILED = {**PASSED, "outcome": "FAIL", "state": "FAILED", "test_event_id": "te-1", "summary": "Low battery. " * 12}


@pytest.mark.parametrize(
    ("result", "task", "hidden", "state", "expected"),
    [
        ({"msg": "refused"}, "role : Deploy", False, "", ("ERROR", "Deploy: refused")),
        ({"msg": "dark"}, "Look", False, "COMPLETE", ("FAIL", "Look: dark")),
        ({"msg": "dark"}, "Look", False, "TIMEOUT", ("ERROR", "Look: dark")),
        ({"msg": "late", "outcome": "TIMEOUT"}, "Wait", False, "COMPLETE", ("TIMEOUT", "Wait: late")),
        ({"msg": "x", "outcome": {"odd": 1}}, "Wait", False, "", ("ERROR", "Wait: x")),
        ({"msg": ["a", "b"]}, "Look", False, "COMPLETE", ("FAIL", "Look: a; b")),
        ({"msg": "all", "results": [{"msg": "ok"}, {"failed": True, "msg": "b"}]}, "L", False, "", ("ERROR", "L: b")),
        (
            {"msg": "pin 1234"},
            "Unlock",
            True,
            "COMPLETE",
            ("FAIL", "Unlock: it failed, and its no_log hides the reason"),
        ),
        ({}, "", False, "COMPLETE", ("ERROR", "It was stopped, since another host of this play failed")),
        ({"rc": 1}, "Run", False, "COMPLETE", ("FAIL", "Run: no message")),
    ],
)
def test_what_a_failed_task_makes_of_a_test(
    result: t.Any, task: str, hidden: bool, state: str, expected: tuple[str, str]
) -> None:
    found = _outcome.failure_of(result, task, hidden, state)
    assert (found["outcome"], found["summary"]) == expected


@pytest.mark.parametrize(
    ("handed_on", "reason", "outcome", "told"),
    [
        (PASSED, "", "PASS", ""),
        ({**PASSED, "outcome": "CHECKED"}, "", "CHECKED", ""),
        ({}, "", "ERROR", "the test did not begin"),
        ({"began": "1.0"}, "", "ERROR", "the test began and did not reach its end"),
        (PASSED, "the report was refused", "ERROR", "the report was refused"),
        ({**PASSED, "outcome": "pass"}, "", "ERROR", "the test did not begin"),
        (None, "no VIN", "ERROR", "no VIN"),
        ("PASS", "", "ERROR", "the test did not begin"),
    ],
)
def test_a_vehicle_without_an_outcome_has_failed(handed_on: t.Any, reason: str, outcome: str, told: str) -> None:
    test = VehicleTest.of("vehicle_001", handed_on, reason)
    assert (test.outcome, test.reason, test.is_good) == (outcome, told, outcome in ("PASS", "CHECKED"))


def test_the_table_fits_a_terminal_and_ends_with_the_failures() -> None:
    campaign = Campaign([VehicleTest.of("bad", FAILED), VehicleTest.of("a" * 60, PASSED), VehicleTest.of("none", {})])

    lines = campaign.table()

    assert max(map(len, lines)) <= 80
    rows = [line.split()[:2] for line in lines[1:-1] if not line.startswith(" ")]
    assert rows == [["a" * 30, "PASS"], ["bad", "FAIL"], ["none", "ERROR"]]
    assert f"    VIN {VIN}, test event te-1" in lines
    assert lines[-1] == "2 of 3 vehicles failed (1 PASS, 1 FAIL, 1 ERROR)"


def test_totals_of_many_outcomes_fit_a_terminal_too() -> None:
    outcomes = ["PASS", "CHECKED", "FAIL", "TIMEOUT", "ERROR", "ABORTED", "INVALID"] * 15
    campaign = Campaign([VehicleTest.of(str(n), {**FAILED, "outcome": what}) for n, what in enumerate(outcomes)])

    lines = campaign.table()

    assert len(campaign.totals) > 80 >= max(map(len, lines))
    assert " ".join(lines).endswith(campaign.totals)


def test_vehicles_whose_names_begin_alike_are_told_apart() -> None:
    names = [f"vehicle_of_the_first_proving_ground_{n}" for n in (1, 2)]
    lines = Campaign([VehicleTest.of(name, PASSED) for name in names]).table()
    assert [line.split()[0] for line in lines[1:3]] == [f"vehicle_of_th...oving_ground_{n}" for n in (1, 2)]


def test_scenarios_whose_names_begin_alike_are_told_apart() -> None:
    names = [f"power_is_lost_while_the_software_is_installed_{n}" for n in (1, 2)]
    lines = Campaign([VehicleTest.of("vehicle_001", PASSED, scenario=name) for name in names]).table()
    assert [line.split()[1] for line in lines[1:3]] == [f"power_is_lost...is_installed_{n}" for n in (1, 2)]


def test_wide_letters_and_control_characters_leave_the_table_whole() -> None:
    wide = {**FAILED, "vin": "\x1b[31m1HG\tx", "state": "失败了" * 6, "summary": "电池电压过低" * 20}
    odd = {**PASSED, "state": "COM\x1b[1mPLETE\n"}
    names = ["试验车辆" * 6, "시험차량" * 9 + "1", "시험차량" * 9 + "2", "vehicle\n\x1b[2Jone"]
    tests = [VehicleTest.of(name, test) for name, test in zip(names, (wide, PASSED, PASSED, odd), strict=True)]

    for lines in (Campaign(tests).table(), Campaign([dataclasses.replace(tests[0], scenario="长" * 40)]).table()):
        assert max(columns_of(line) for line in lines) <= 80
        assert all(line.isprintable() for line in lines)
        rows = [line for line in lines if not line.startswith(" ")][:-1]
        assert len({columns_of(row) for row in rows}) == 1, "the columns of the rows do not stand below each other"

    lines = Campaign(tests).table()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["시험차량시험...차량시험차량1", "PASS"],
        ["시험차량시험...차량시험차량2", "PASS"],
        ["vehicle", "one"],
    ]
    assert "    VIN 1HG x, test event te-1" in lines


def columns_of(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


@pytest.mark.parametrize(("allowed", "is_ok"), [(0, False), (33.3, False), (33.4, True), (100, True)])
def test_the_share_that_may_fail(allowed: float, is_ok: bool) -> None:
    tests = [{"vehicle": str(n), "result": FAILED if n == 1 else PASSED, "reason": ""} for n in range(3)]
    options = {"tests": tests, "max_fail_percentage": allowed, "show": True}

    result = run_operation(_outcome.sum_up, options, False)

    assert result.get("failed", False) is not is_ok
    assert result["failed_vehicles"] == ["1"]


def test_a_vehicle_of_which_nothing_is_known_is_not_of_the_share_that_may_fail() -> None:
    tests = [{"vehicle": str(n), "result": {} if n == 1 else PASSED, "reason": ""} for n in range(10)]
    result = run_operation(_outcome.sum_up, {"tests": tests, "max_fail_percentage": 100, "show": True}, False)
    assert result["failed"] and "1 of 10 vehicles failed" in result["msg"]
    assert "Each vehicle must have an outcome." in result["msg"]
    assert len(_outcome.verdict_of({"a": PASSED, "b": {}}, "a,b", 50)) == 1


def test_a_run_without_vehicles_is_no_success() -> None:
    result = run_operation(_outcome.sum_up, {"tests": [], "max_fail_percentage": 100, "show": True}, False)
    assert result["failed"] and result["msg"] == "No vehicle was tested."


@pytest.mark.parametrize(
    ("tests", "vehicles", "failures"),
    [
        ({"a": PASSED}, ["a"], []),
        ({"a": PASSED}, [], []),
        ({"a": PASSED}, ["a", "b"], ["ERROR b: the test did not begin"]),
        ({"a": {"outcome": "TIMEOUT", "summary": "late"}}, ["a"], ["TIMEOUT a: late"]),
        ({"a": {**PASSED, "outcome": "CHECKED"}}, ["a"], ["CHECKED a: "]),
        ({}, ["a"], ["ERROR a: the test did not begin"]),
        ("PASS", "PASS", ["No test handed on"]),
    ],
)
def test_the_verdict_of_a_workflow(tests: t.Any, vehicles: t.Any, failures: list[str]) -> None:
    found = _outcome.verdict_of(tests, vehicles)
    assert len(found) == len(failures)
    assert all(one.startswith(expected.strip()) for one, expected in zip(found, failures, strict=True))


def test_vehicles_that_are_told_as_text_must_have_passed_too() -> None:
    passed = {"a": {"outcome": "PASS"}}
    assert _outcome.verdict_of(passed, "a") == _outcome.verdict_of(passed, "") == []
    assert _outcome.verdict_of(passed, "a, b") == ["ERROR b: the test did not begin"]
