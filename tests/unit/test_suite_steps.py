# SPDX-License-Identifier: GPL-3.0-or-later
"""A suite of scenarios on one vehicle: its steps, where they leave the vehicle, and how it is told."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils import _suite
from ansible_collections.hatci.automation.plugins.module_utils._outcome import Campaign, VehicleTest

OLD = [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "1.0.0"}]
NEW = [{"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "2.0.0"}]
PASSED = {
    "outcome": "PASS",
    "vin": "V",
    "state": "COMPLETE",
    "took": 2.0,
    "held": 1.0,
    "deployment_id": "d",
    "run": "r",
}
FAILED = {**PASSED, "outcome": "FAIL", "state": "FAILED", "summary": "It broke.", "test_event_id": "te-2"}


def suite_of(*scenarios: dict[str, t.Any], check_mode: bool = False) -> dict[str, t.Any]:
    given = [{"given": scenario, "scenario": scenario} for scenario in scenarios]
    return _suite.manage_suite({"state": "planned", "scenarios": given}, check_mode)


def look(version: str) -> dict[str, t.Any]:
    return {"ecus": [{"name": "Gateway", "reachable": True, "part_number": "GW-1", "sw_version": version}]}


def run(
    suite: dict[str, t.Any], *results: dict[str, t.Any], on_failure: str = "continue", **options: t.Any
) -> tuple[dict[str, t.Any], list[str]]:
    """Make the steps of a suite as the role does, and return how it ended and which steps were done.

    :param results: of the steps that are done, in their order.
    """
    left, done = list(results), []
    for step in suite["steps"]:
        does = not suite["stopped"] and (step["kind"] == "test" or suite["position"] != step["begins"])
        result = left.pop(0) if does else {}
        if does:
            done.append(f"{step['kind']} {step['name']} {step['cycle']}")
        noted = {"state": "noted", "suite": suite, "step": step, "was_done": does, "result": result, "reason": ""}
        noted["evidence"] = "/e"
        common = {"source_ecus": OLD, "target_ecus": NEW, "success_states": ["COMPLETE"], "on_failure": on_failure}
        looks = {"looks": result.get("looks"), "look": result.get("look")}
        suite = _suite.manage_suite({**noted, **common, **looks, **options}, False)
        if suite["open_deployment"]:
            done.append(f"wait {suite['open_deployment']}")
            settled = {"state": "settled", "suite": suite, "step": step, "update": left.pop(0)}
            suite = _suite.manage_suite({**settled, **common}, False)
    assert not left
    return suite, done


def test_the_vehicle_is_brought_back_between_two_scenarios() -> None:
    suite, done = run(suite_of({"name": "a"}, {"name": "b"}), PASSED, PASSED, PASSED)

    assert done == ["test a 1", "return b 1", "test b 1"]
    assert {name: row["outcome"] for name, row in suite["rows"].items()} == {"a": "PASS", "b": "PASS"}
    assert suite["position"] == "target"


@pytest.mark.parametrize(
    "first",
    [
        {**FAILED, "looks": {"after": look("1.0.0")}},
        {**FAILED, "look": {"failed": True, "record": look("1.0.0")}},
        {**FAILED, "deployment_id": "", "state": ""},
    ],
)
def test_it_is_not_brought_back_where_it_is_on_the_source_already(first: dict[str, t.Any]) -> None:
    _ended, done = run(suite_of({"name": "a"}, {"name": "b"}), first, PASSED)
    assert done == ["test a 1", "test b 1"]


@pytest.mark.parametrize(("before", "is_as_it_was"), [("0.9", False), ("2.0", True), (None, False)])
def test_an_ecu_that_only_the_target_names_is_on_the_source_if_it_is_as_it_was(
    before: str | None, is_as_it_was: bool
) -> None:
    camera = {"name": "Camera", "reachable": True, "part_number": "C-1"}
    then, now = ({"ecus": [*look("1.0.0")["ecus"], {**camera, "sw_version": version}]} for version in (before, "2.0"))
    looks = {"after": now} if before is None else {"before": then, "after": now}
    target = [*NEW, {"ecu_name": "Camera", "part_number": "C-1", "sw_version": "2.0"}]
    results = [{**FAILED, "looks": looks}, *([PASSED] if is_as_it_was else [PASSED, PASSED])]
    _ended, done = run(suite_of({"name": "a"}, {"name": "b"}), *results, target_ecus=target)
    assert done == ["test a 1", *([] if is_as_it_was else ["return b 1"]), "test b 1"]


@pytest.mark.parametrize(
    "first",
    [
        FAILED,
        {**PASSED, "looks": {"after": look("1.5.0")}},
        {**FAILED, "looks": {"before": look("1.0.0")}, "look": {"record": look("1.0.0")}},
        {**FAILED, "deployment_id": "", "look": {"failed": True, "record": look("2.0.0")}},
    ],
    ids=["failed without a look", "a mixture", "seen only before the deployment", "not on the source at first"],
)
def test_it_is_brought_back_from_whatever_is_not_known_to_be_the_source(first: dict[str, t.Any]) -> None:
    _ended, done = run(suite_of({"name": "a"}, {"name": "b"}), first, PASSED, PASSED)
    assert done == ["test a 1", "return b 1", "test b 1"]


OPEN = {**FAILED, "outcome": "TIMEOUT", "state": "IN_PROGRESS", "summary": "It did not end."}


@pytest.mark.parametrize(
    "first",
    [
        {**OPEN, "looks": {"after": look("1.0.0")}},
        {**OPEN, "outcome": "ERROR", "state": "", "looks": {"before": look("1.0.0")}},
        {**OPEN, "outcome": "INVALID", "state": "verifying", "looks": {"after": look("1.0.0")}},
    ],
)
@pytest.mark.parametrize("ended", ["FAILED", "Success", "cancelled"])
def test_an_update_that_is_still_open_is_waited_for_and_then_brought_back(first: dict[str, t.Any], ended: str) -> None:
    suite, done = run(suite_of({"name": "a"}, {"name": "b"}), first, {"state": ended}, PASSED, PASSED)
    assert done == ["test a 1", "wait d", "return b 1", "test b 1"]
    assert [row["outcome"] for row in suite["rows"].values()] == [first["outcome"], "PASS"]


@pytest.mark.parametrize(
    ("update", "told"),
    [
        ({"failed": True, "state": "IN_PROGRESS", "msg": "It did not end within 5 s."}, "It did not end within 5 s."),
        ({}, "SUMS does not say that it has ended."),
    ],
)
def test_what_follows_an_update_that_does_not_end_is_invalid(update: dict[str, t.Any], told: str) -> None:
    suite, done = run(suite_of({"name": "a"}, {"name": "b"}), {**OPEN, "looks": {"after": look("1.0.0")}}, update)
    assert done == ["test a 1", "wait d"]
    assert [row["outcome"] for row in suite["rows"].values()] == ["TIMEOUT", "INVALID"]
    reason = f"It was not run, since the update of a, deployment d, is still open: {told}"
    assert suite["rows"]["b"]["summary"] == reason


@pytest.mark.parametrize(("scenarios", "on_failure"), [(["a"], "continue"), (["a", "b"], "stop")])
def test_an_update_is_not_waited_for_where_nothing_follows(scenarios: list[str], on_failure: str) -> None:
    given = [{"given": name, "scenario": {"name": name}} for name in scenarios]
    plan = _suite.manage_suite({"state": "planned", "scenarios": given, "on_failure": on_failure}, False)
    _suite_ended, done = run(plan, OPEN, on_failure=on_failure)
    assert done == ["test a 1"]


def test_a_test_that_did_not_reach_its_end_may_have_left_anything() -> None:
    _ended, done = run(suite_of({"name": "a"}, {"name": "b"}), {"began": 1.0}, PASSED, PASSED)
    assert done == ["test a 1", "return b 1", "test b 1"]


def test_a_rollback_begins_on_the_target() -> None:
    plan = suite_of({"name": "rollback", "offer": "source"}, {"name": "b"})
    suite, done = run(plan, PASSED, PASSED, PASSED)
    assert done == ["return rollback 1", "test rollback 1", "test b 1"]
    assert suite["position"] == "target"


def test_what_follows_a_vehicle_that_could_not_be_brought_back_is_invalid() -> None:
    suite, done = run(suite_of({"name": "a"}, {"name": "b"}, {"name": "c"}), PASSED, FAILED)

    assert done == ["test a 1", "return b 1"]
    assert [row["outcome"] for row in suite["rows"].values()] == ["PASS", "INVALID", "INVALID"]
    for name in ("b", "c"):
        reason = "It was not run, since the vehicle could not be brought to the source software: It broke."
        assert suite["rows"][name]["summary"] == reason
    assert _suite.overall(suite["rows"])["outcome"] == "INVALID"


@pytest.mark.parametrize(("on_failure", "outcome"), [("continue", "PASS"), ("stop", "INVALID")])
def test_a_suite_goes_on_or_stops_after_a_failure(on_failure: str, outcome: str) -> None:
    results = [FAILED, PASSED, PASSED] if on_failure == "continue" else [FAILED]
    suite, _done = run(suite_of({"name": "a"}, {"name": "b"}), *results, on_failure=on_failure)

    assert [row["outcome"] for row in suite["rows"].values()] == ["FAIL", outcome]
    if on_failure == "stop":
        assert suite["rows"]["b"]["summary"] == "It was not run, since a was FAIL and ota_suite_on_failure is stop."


def test_a_scenario_that_is_there_twice_is_numbered() -> None:
    assert suite_of({"name": "a"}, {"name": "a"}, {})["scenarios"] == ["a", "a (2)", "nominal"]


def test_a_soak_tells_percentiles_and_keeps_the_first_failure() -> None:
    cycles = [{**PASSED, "took": float(n), "test_event_id": f"te-{n}"} for n in range(1, 11)]
    bad = {**FAILED, "summary": "First.", "test_event_id": "te-x"}
    cycles[2], cycles[6] = bad, {**bad, "summary": "Second.", "test_event_id": "te-y"}
    results = [part for cycle in cycles for part in (cycle, PASSED)][:-1]

    suite, done = run(suite_of({"name": "soak", "repeat": 10}), *results)

    row = suite["rows"]["soak"]
    assert len(done) == 19
    assert (row["outcome"], row["test_event_id"], row["failed_cycles"]) == ("FAIL", "te-x", [3, 7])
    assert row["percentiles"] == {"p50": 5.0, "p90": 10.0, "p99": 10.0}
    assert row["summary"] == "2 of 10 cycles failed, p50 5.0 s, p90 10.0 s, p99 10.0 s; cycle 3 was FAIL: First."
    assert suite["line"] == "soak: cycle 10 of 10, 2 failed"
    assert suite["tally"] == {}


def test_a_failure_of_the_vehicle_decides_a_soak_before_a_trouble_of_the_lab() -> None:
    error = {**FAILED, "outcome": "ERROR", "summary": "No SUMS."}
    suite, _done = run(suite_of({"name": "soak", "repeat": 2}), error, PASSED, FAILED)
    assert (suite["rows"]["soak"]["outcome"], suite["rows"]["soak"]["failed_cycles"]) == ("FAIL", [1, 2])


@pytest.mark.parametrize(
    ("results", "on_failure", "expected", "failed", "summary"),
    [
        (
            [PASSED, PASSED, FAILED],
            "stop",
            "FAIL",
            [2],
            "1 of 5 cycles failed, 3 were not run, p50 2.0 s, p90 2.0 s, p99 2.0 s; cycle 2 was FAIL: It broke. "
            "Cycle 3 was INVALID: It was not run, since soak was FAIL and ota_suite_on_failure is stop.",
        ),
        (
            [PASSED, FAILED],
            "continue",
            "INVALID",
            [],
            "1 of 5 cycles passed, 4 were not run, p50 2.0 s, p90 2.0 s, p99 2.0 s; cycle 2 was INVALID: It was not "
            "run, since the vehicle could not be brought to the source software: It broke.",
        ),
    ],
)
def test_a_cycle_that_is_not_run_has_not_failed(
    results: list[dict[str, t.Any]], on_failure: str, expected: str, failed: list[int], summary: str
) -> None:
    suite, _done = run(suite_of({"name": "soak", "repeat": 5}), *results, on_failure=on_failure)

    row = suite["rows"]["soak"]
    assert (row["outcome"], row["failed_cycles"], row["summary"]) == (expected, failed, summary)
    assert row["evidence"] == ["/e"] * (5 - row["not_run"])
    assert suite["line"] == ""


def test_a_soak_that_is_not_run_at_all_has_no_failed_cycle() -> None:
    plan = suite_of({"name": "a"}, {"name": "soak", "repeat": 3})
    row = run(plan, FAILED, on_failure="stop")[0]["rows"]["soak"]
    assert (row["outcome"], row["failed_cycles"], row["not_run"], row["took"]) == ("INVALID", [], 3, 0.0)
    assert row["summary"] == (
        "0 of 3 cycles passed, 3 were not run; cycle 1 was INVALID: It was not run, since a was FAIL and "
        "ota_suite_on_failure is stop."
    )


def test_a_scenario_that_cannot_be_checked_has_a_row_too() -> None:
    plan = suite_of({"name": "a", "repeat": 9}, {"name": "b", "repeat": 9}, check_mode=True)
    suite, _done = run(plan, {"outcome": "ERROR", "summary": "No device."}, on_failure="stop")
    assert [row["outcome"] for row in suite["rows"].values()] == ["ERROR", "INVALID"]


@pytest.mark.parametrize("on_failure", ["continue", "stop"])
def test_it_is_known_whether_anything_follows_a_step_that_does_not_pass(on_failure: str) -> None:
    given = [{"given": name, "scenario": {"name": name}} for name in ("a", "b")]
    options = {"state": "planned", "scenarios": given, "on_failure": on_failure}
    steps = _suite.manage_suite(options, False)["steps"]
    assert [step["kind"] for step in steps] == ["test", "return", "test"]
    assert [step["ends_suite"] for step in steps] == [on_failure == "stop", True, True]


def test_check_mode_plans_each_scenario_once_and_brings_nothing_back() -> None:
    steps = suite_of({"name": "a", "repeat": 100}, {"name": "b", "offer": "source"}, check_mode=True)["steps"]
    assert [(step["kind"], step["name"], step["cycles"]) for step in steps] == [("test", "a", 100), ("test", "b", 1)]


def test_check_mode_says_how_the_vehicle_comes_to_where_a_scenario_begins() -> None:
    scenarios = ({"name": "a", "purpose": "Why."}, {"name": "b", "repeat": 2}, {"name": "c", "offer": "source"})
    steps = suite_of(*scenarios, check_mode=True)["steps"]
    alone = suite_of({"name": "b", "repeat": 2}, check_mode=True)["steps"]

    brought = "the vehicle is brought to the {0} software by an update of its own, unless it is there already."
    assert [step["says"] for step in [*steps, *alone]] == [
        ["a, beginning on the source software. Why."],
        ["b, 2 times, beginning on the source software.", f"Before each cycle {brought.format('source')}"],
        ["c, beginning on the target software.", f"Before it {brought.format('target')}"],
        ["b, 2 times, beginning on the source software.", f"Before each further cycle {brought.format('source')}"],
    ]


@pytest.mark.parametrize(("share", "expected"), [(50, 50.0), (90, 90.0), (99, 99.0), (100, 100.0)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert _suite.percentile([float(n) for n in range(100, 0, -1)], share) == expected
    assert _suite.percentile([3.0], share) == 3.0


def test_the_table_has_a_row_for_each_scenario_of_each_vehicle() -> None:
    soak, _done = run(suite_of({"name": "soak", "repeat": 2}), PASSED, PASSED, PASSED)
    tests = [
        VehicleTest.of("vehicle_001", soak["rows"]["soak"], scenario="soak"),
        VehicleTest.of("vehicle_001", FAILED, scenario="power_loss_while_installing"),
        VehicleTest.of("vehicle_002", {}, scenario="soak"),
    ]

    lines = Campaign(tests).table()

    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:3] == ["vehicle", "scenario", "outcome"]
    assert lines[1].split() == ["vehicle_001", "soak", "PASS", "4", "2"]
    assert lines[2].strip() == "2 of 2 cycles passed, p50 2.0 s, p90 2.0 s, p99 2.0 s."
    assert lines[3].split()[:3] == ["vehicle_001", "power_loss_while_installing", "FAIL"]
    assert lines[-1] == "2 of 3 tests failed (1 PASS, 1 FAIL, 1 ERROR)"
