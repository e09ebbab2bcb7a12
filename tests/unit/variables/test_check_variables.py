# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of a test may be: everything that a later step would stumble over is found at once."""

from __future__ import annotations

import datetime
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from fuzz_support import anything, json_values
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.plugin_utils.test_variables import CHECKS, check_test_variables

REPOSITORY = Path(__file__).parents[3]
VIN = "1HGBH41JXMN109186"
ECU = {"ecu_name": "Gateway", "part_number": "0123", "sw_version": "1.10"}


def problem_of(**variables: t.Any) -> str:
    """Return the one problem of some variables."""
    _values, problems = check_test_variables(variables)
    assert len(problems) == 1, problems
    return problems[0]


def value_of(name: str, value: t.Any) -> t.Any:
    """Return what is made of a variable that can be used."""
    values, problems = check_test_variables({name: value})
    assert problems == []
    return values.get(name)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("hatci_region", False, "hatci_region is the boolean false; put it into quotes."),
        ("hatci_source_build_level", 2024.1, "hatci_source_build_level is the number 2024.1; put it into quotes."),
        ("hatci_tester_name", 7, "hatci_tester_name is the number 7; put it into quotes."),
        ("hatci_vehicle_id", 83, "hatci_vehicle_id is the number 83; put it into quotes."),
        ("hatci_model_year", 2024.0, "hatci_model_year is the number 2024.0; put it into quotes."),
        ("ota_suite_name", ["a"], "ota_suite_name is a list; give text."),
        ("ota_start_datetime", datetime.date(2024, 2, 1), "is the date 2024-02-01; put it into quotes."),
        ("ota_end_datetime", "tomorrow", "ota_end_datetime is 'tomorrow'; give a time in ISO 8601"),
        ("hatci_vin", 12345678901234567, "hatci_vin is the number 12345678901234567; put it into quotes."),
        ("hatci_poll_timeout_seconds", "an hour", "is the text 'an hour'; give seconds as a number, more than 0"),
        ("hatci_poll_timeout_seconds", 0, "hatci_poll_timeout_seconds is the number 0; give seconds"),
        ("hatci_poll_interval_seconds", True, "hatci_poll_interval_seconds is the boolean true; give seconds"),
        ("hatci_poll_interval_seconds", float("nan"), "is the number nan; give seconds"),
        ("jumpstarter_lease_guard_timeout", -1, "is the number -1; give seconds as a number, 0 or more"),
        ("jumpstarter_lease_guard_timeout", [1], "jumpstarter_lease_guard_timeout is a list; give seconds"),
        ("jumpstarter_lease_duration", "soon", "jumpstarter_lease_duration is 'soon'; give a duration such as 30m"),
        ("jumpstarter_lease_duration", 1.5, "jumpstarter_lease_duration is the number 1.5; put it into quotes."),
        ("jumpstarter_lease_guard_mode", "maybe", "is the text 'maybe'; give one of auto, controller, local."),
        ("hatci_success_states", ["DONE", 7], "number 2 of hatci_success_states is the number 7; put it into quotes."),
        ("hatci_success_states", "- DONE", "hatci_success_states is the text '- DONE'; give a list (from a survey:"),
        ("ota_verify_commands", "j a, b", "ota_verify_commands is the text 'j a, b'; give a list"),
        ("hatci_artifact_urls", '["a"]', "hatci_artifact_urls is the text '[\"a\"]'; give a list"),
        ("ota_metadata", '{"a": 1}', "give a mapping (from a survey: ota_metadata: \"{{ ANSWER | from_yaml }}\")."),
        ("hatci_source_ecus", [], "hatci_source_ecus is empty; an event needs at least one ECU."),
        ("hatci_source_ecus", {"a": 1}, "hatci_source_ecus is a mapping; give a list."),
        ("hatci_source_ecus", "Gateway", "hatci_source_ecus is text that is not a list; give each ECU as a line"),
        ("hatci_source_ecus", "- {", "hatci_source_ecus is not valid YAML in line 1"),
        ("hatci_source_ecus", ["Gateway"], "hatci_source_ecus: ECU number 1 is the text 'Gateway'; give a mapping of"),
        ("hatci_source_ecus", [{**ECU, "sw": "1"}], "hatci_source_ecus: ECU Gateway has sw; give ecu_name, part"),
        ("hatci_source_ecus", [{**ECU, "sw_version": " "}], "hatci_source_ecus: ECU Gateway has no sw_version; give"),
        ("hatci_source_ecus", [{**ECU, "part_number": 83}], "part_number of ECU Gateway is the number 83; put it into"),
        ("hatci_source_ecus", "- {ecu_name: Gateway, part_number: 0123}", "ECU Gateway has no sw_version"),
        ("ota_fleet_max_fail_percentage", "10%", "is the text '10%'; give a percentage as a number from 0 to 100."),
        ("hatci_deployment_id", 1.5, "hatci_deployment_id is the number 1.5; put it into quotes."),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used(name: str, value: t.Any, expected: str) -> None:
    problem = problem_of(**{name: value})
    assert expected in problem and problem.startswith(("number 2 of " + name, name))


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check is CHECKS["ota_verify_ecus"]])
@pytest.mark.parametrize(
    "value",
    ["maybe", "enabled", "True ", "oui", "verify", "1 ", "y", "t", 2, -1, 1.0, ["x"], {"a": 1}],
    ids=repr,
)
def test_a_switch_that_is_no_boolean(name: str, value: t.Any) -> None:
    assert re.fullmatch(rf"{name} is .*; give true or false\.", problem_of(**{name: value}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (1, True), ("yes", True), ("TRUE", True), ("on", True), (False, False), (0, False), ("No", False)],
)
def test_a_switch(value: t.Any, expected: bool) -> None:
    assert value_of("ota_verify_ecus", value) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("hatci_model_year", 2024, "2024"),
        ("hatci_deployment_id", 17, "17"),
        ("hatci_source_build_level", "2024.10", "2024.10"),
        ("hatci_poll_timeout_seconds", "3600", 3600.0),
        ("jumpstarter_lease_duration", 600, "600"),
        ("jumpstarter_lease_duration", "1h30m", "1h30m"),
        ("jumpstarter_lease_guard_timeout", 0, 0.0),
        ("hatci_success_states", "DONE, ENDED", ["DONE", "ENDED"]),
        ("ota_start_datetime", "2024-02-01T08:00:00Z", "2024-02-01T08:00:00Z"),
        ("hatci_source_ecus", [ECU], [ECU]),
        ("hatci_source_ecus", "- {ecu_name: Gateway, part_number: 0123, sw_version: 1.10}", [ECU]),
        ("hatci_source_ecus", '[{"ecu_name": "Gateway", "part_number": "0123", "sw_version": 1.10}]', [ECU]),
    ],
)
def test_a_value_that_can_be_used(name: str, value: t.Any, expected: t.Any) -> None:
    assert value_of(name, value) == expected


@pytest.mark.parametrize("value", ["", " ", None])
@pytest.mark.parametrize("name", sorted(set(CHECKS) - {"hatci_vin"}))
def test_an_empty_answer_is_not_given(name: str, value: str | None) -> None:
    assert check_test_variables({name: value}) == ({}, [])


@pytest.mark.parametrize("vin", ["1HGBH41JXMN10918O", "1HGBH41JXMN10918", "1hgbh41jxmn109186", "", VIN + "\n"])
def test_a_vin_that_is_not_valid(vin: str) -> None:
    assert problem_of(hatci_vin=vin).startswith(f"hatci_vin is '{vin}', which is not a valid VIN: give 17 characters")
    assert check_test_variables({"hatci_vin": vin, "hatci_vin_check": "no"})[1] == []


def test_a_valid_vin() -> None:
    assert value_of("hatci_vin", VIN) == VIN


def test_a_window_that_ends_before_it_begins() -> None:
    problem = problem_of(ota_start_datetime="2024-02-02T00:00:00Z", ota_end_datetime="2024-02-01")
    assert problem.startswith("ota_end_datetime 2024-02-01T00:00:00+00:00 is not after ota_start_datetime 2024-02-02")


def test_all_problems_are_told() -> None:
    _values, problems = check_test_variables({"hatci_region": False, "ota_verify_ecus": "maybe", "hatci_vin": "short"})
    assert len(problems) == 3


def test_other_variables_are_left_alone() -> None:
    assert check_test_variables({"my_region": False, "ansible_forks": 5}) == ({}, [])


@pytest.mark.parametrize(
    "spec", sorted(REPOSITORY.glob("roles/*/meta/argument_specs.yml")), ids=lambda path: path.parts[-3]
)
def test_every_variable_of_a_role_is_checked(spec: Path) -> None:
    entries = yaml.safe_load(spec.read_text(encoding="utf-8"))["argument_specs"].values()
    unchecked = {"hatci_base_url", "hatci_token", "hatci_test_status", "hatci_report_results_outcome"}
    variables = {name for entry in entries for name in entry["options"]}
    assert variables - unchecked <= set(CHECKS)


@given(
    st.dictionaries(st.sampled_from(sorted(CHECKS)), anything | json_values | st.dates() | st.datetimes(), max_size=4)
)
def test_any_value_is_used_or_refused_in_a_sentence(variables: dict[str, t.Any]) -> None:
    values, problems = check_test_variables(variables)
    assert all(problem.endswith(".") and "Traceback" not in problem for problem in problems)
    assert set(values) <= set(variables)


READ = {"name": "Gateway", "driver": "gateway", "logical_address": 1}


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"ota_vehicle_ecus": [{"name": "Gateway"}]}, "give a mapping with name and driver"),
        ({"ota_vehicle_ecus": "Gateway"}, "ota_vehicle_ecus is the text 'Gateway'; give a list"),
        (
            {"ota_vehicle_ecus": [{"name": "Gateway", "driver": "gateway", "sw_did": 1}]},
            "ota_vehicle_ecus: ECU Gateway has sw_did; give name, driver, logical_address",
        ),
        ({"ota_vehicle_checks": ["identity", "mileage"]}, "has the text 'mileage'; give some of identity, source"),
        ({"ota_vehicle_settle_seconds": -1}, "give seconds as a number, 0 or more"),
        ({"ota_vehicle_checks": "source"}, "ota_vehicle_checks is the text 'source'; give a list"),
        ({"ota_vehicle_ecus": [{**READ, "logical_address": "0xZZ"}]}, "logical_address of Gateway is '0xZZ'; give a"),
        ({"ota_vehicle_ecus": [{**READ, "logical_address": 0x10000}]}, "logical_address of Gateway is '65536'; give"),
        ({"ota_vehicle_ecus": [{**READ, "logical_address": True}]}, "logical_address of Gateway is the boolean true;"),
        ({"ota_vehicle_ecus": [{**READ, "sw_version_did": 1.5}]}, "sw_version_did of Gateway is the number 1.5;"),
        ({"ota_vehicle_ecus": [{**READ, "name": 7}]}, "name of 7 is the number 7; put it into quotes."),
        ({"ota_vehicle_ecus": [READ, {**READ, "logical_address": 2}]}, "has Gateway twice; give each ECU once."),
        ({"ota_vehicle_ecus": [READ, {**READ, "name": "Radio"}]}, "Gateway and Radio are read at the same place,"),
    ],
)
def test_what_the_vehicle_is_asked_for(variables: dict[str, t.Any], problem: str) -> None:
    assert problem in problem_of(**variables)


@pytest.mark.parametrize("address", [0x10, "0x10", "16", None, ""])
def test_an_ecu_that_can_be_read(address: t.Any) -> None:
    assert check_test_variables({"ota_vehicle_ecus": [{**READ, "logical_address": address}]})[1] == []


@pytest.mark.parametrize(("checks", "is_refused"), [(None, True), (["target"], True), (["identity", "codes"], False)])
def test_software_of_an_ecu_that_is_not_read_could_never_be_proven(checks: t.Any, is_refused: bool) -> None:
    given = {"ota_vehicle_ecus": [{**READ, "name": "gateway"}], "ota_vehicle_checks": checks}
    _values, problems = check_test_variables({**given, "hatci_target_ecus": [ECU]})
    assert bool(problems) is is_refused
    assert all("hatci_target_ecus has Gateway, which ota_vehicle_ecus does not read" in one for one in problems)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"hatci_success_states": []}, "hatci_success_states is empty or holds an empty state"),
        ({"hatci_success_states": ["Failed"]}, "FAILED is in hatci_success_states and in hatci_failure_states"),
        ({"hatci_failure_states": "DONE, COMPLETED"}, "COMPLETE is in hatci_success_states and in hatci_failure"),
        ({"ota_verify_commands": ["j serial read", " "]}, "number 2 of ota_verify_commands is the text ' '; give a"),
        ({"ota_deployments_file": "/nowhere/at/all.jsonl"}, "is /nowhere/at/all.jsonl, which cannot be written; give"),
        ({"ota_deployments_file": "/tmp"}, "ota_deployments_file is /tmp, which is a directory; give a file"),
        ({"ota_evidence_key": "/etc/\0key"}, "which holds the invisible character U+0000; write it anew."),
        ({"ota_metadata": {"outcome": "PASS"}}, "ota_metadata has outcome, which the test itself keeps there"),
        ({"ota_metadata": {"handed_over": {}}}, "ota_metadata has handed_over, which the test itself keeps there"),
        ({"ota_metadata": {"share": float("nan")}}, "ota_metadata holds what JSON cannot carry"),
        ({"hatci_target_build_level": "2024.02\n"}, "which holds the invisible character U+000A; write it anew."),
        ({"hatci_target_ecus": [{**ECU, "sw_version": "1.1\u200b0"}]}, "is '1.1\\u200b0', which holds the invisible"),
        ({"hatci_target_ecus": [{**ECU, "sw_version": "1.10 "}]}, "is '1.10 ', with a blank at its begin or end"),
    ],
)
def test_what_a_late_step_would_stumble_over_or_nobody_meant(variables: dict[str, t.Any], problem: str) -> None:
    assert problem in problem_of(**variables)
