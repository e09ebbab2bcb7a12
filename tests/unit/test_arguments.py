# SPDX-License-Identifier: GPL-3.0-or-later
"""Text is text: what YAML has changed is refused by name, and an answer left empty is not given."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from sums_support import ARGUMENTS, EVENT, MODULES, module_named

from ansible_collections.hatci.automation.plugins.module_utils._arguments import (
    TextType,
    refusal,
    text_problems,
    without_empty,
)

REPOSITORY = Path(__file__).parents[2]
OTHERS: list[tuple[t.Any, str]] = [
    (1.1, "the number 1.1"),
    (83, "the number 83"),
    (-1, "the number -1"),
    (10**5000, "a number of more than 40 digits"),
    (float("nan"), "the number nan"),
    (False, "the boolean false"),
    (datetime.date(2024, 2, 1), "the date 2024-02-01"),
    (datetime.datetime(2024, 2, 1, 8, tzinfo=datetime.UTC), "the date 2024-02-01T08:00:00+00:00"),
    (["1.10"], "a list"),
    (("1.10",), "a list"),
    ({"a": 1}, "a mapping"),
    (b"1.10", "binary data"),
]
TEXTS = [
    (name, option)
    for name in MODULES
    for option, spec in module_named(name).ARGUMENTS["argument_spec"].items()
    if isinstance(spec["type"], TextType)
]


def problems_of(name: str, **arguments: t.Any) -> list[str]:
    return text_problems(module_named(name).ARGUMENTS["argument_spec"], {**ARGUMENTS[name], **arguments})


def test_every_text_that_sums_keeps_is_looked_at() -> None:
    assert {option for _name, option in TEXTS} == {
        *("tester_name", "program_name", "model_year", "vin", "region", "region_spec", "build_level", "remark"),
        *("event_id", "deployment_id", "test_event_id", "ansible_job_id", "start_datetime", "end_datetime"),
        *("vehicle_id", "git_sha", "suite_name", "summary", "until_state"),
    }


@pytest.mark.parametrize(("value", "words"), OTHERS, ids=lambda value: str(type(value).__name__))
@pytest.mark.parametrize(("name", "option"), TEXTS, ids=lambda value: value)
def test_a_value_that_is_not_text_is_refused(name: str, option: str, value: t.Any, words: str) -> None:
    takes_int = option == "model_year" or (option.endswith("_id") and option != "vehicle_id")
    cure = "give text" if isinstance(value, (list, tuple, dict, bytes)) else "put it into quotes"

    found = problems_of(name, **{option: value})

    expected = (
        []
        if takes_int and isinstance(value, int) and not isinstance(value, bool) and value >= 0
        else [f"{option} is {words}; {cure}."]
    )
    assert found == expected


@pytest.mark.parametrize("text", ["1.10", "0123", "NO", "2024-02-01", "", " ", "[1]", None])
@pytest.mark.parametrize(("name", "option"), TEXTS, ids=lambda value: value)
def test_text_of_any_look_is_text(name: str, option: str, text: str | None) -> None:
    assert problems_of(name, **{option: text}) == []


@pytest.mark.parametrize("part", ["part_number", "sw_version"])
def test_a_value_of_an_ecu_is_named_with_its_ecu(part: str) -> None:
    ecus = [{**EVENT["ecus"][0]}, {**EVENT["ecus"][0], "ecu_name": "Telematics", part: 1.2}]
    assert problems_of("hatci_create_event", ecus=ecus) == [
        f"ecus: {part} of ECU Telematics is the number 1.2; put it into quotes."
    ]


def test_an_ecu_whose_name_is_a_number_is_counted() -> None:
    ecus = [{**EVENT["ecus"][0], "ecu_name": 12}]
    assert problems_of("hatci_create_event", ecus=ecus) == [
        "ecus: ecu_name of ECU number 1 is the number 12; put it into quotes."
    ]


def test_what_is_no_text_of_sums_is_left_to_ansible() -> None:
    spec = module_named("jumpstarter_diagnostics").ARGUMENTS["argument_spec"]
    assert text_problems(spec, {"exporter": 7, "ecus": [{"name": 1, "driver": "gw", "logical_address": 224}]}) == []


def test_ecus_that_are_text_are_refused() -> None:
    assert problems_of("hatci_create_event", ecus="- {ecu_name: x}") == ["ecus is text; give a list."]


def test_items_of_a_list_of_texts() -> None:
    assert problems_of("hatci_test_event_update", artifact_urls=["https://a", 7]) == [
        "number 2 of artifact_urls is the number 7; put it into quotes."
    ]
    assert problems_of("hatci_update_status", success_states=[True]) == [
        "number 1 of success_states is the boolean true; put it into quotes."
    ]


def test_one_message_names_all_and_says_once_why() -> None:
    message = refusal(problems_of("hatci_create_event", region=False, build_level=2024.1))
    assert message == (
        "region is the boolean false; put it into quotes. build_level is the number 2024.1; put it into quotes. "
        "YAML changes some of what is written without them."
    )


def test_the_token_is_not_shown() -> None:
    assert problems_of("hatci_health", hatci_token=123456) == []


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("hatci_update_status", "wait_timeout"),
        ("hatci_update_status", "wait"),
        ("hatci_update_status", "success_states"),
        ("hatci_create_event", "verify_tls"),
        ("hatci_test_event", "metadata"),
        ("hatci_test_event", "suite_name"),
        ("jumpstarter_lease", "duration"),
        ("jumpstarter_lease", "timeout"),
        ("jumpstarter_lease", "mode"),
        ("jumpstarter_orphans", "min_age"),
    ],
)
def test_an_empty_answer_leaves_the_default(name: str, option: str) -> None:
    spec = module_named(name).ARGUMENTS["argument_spec"]
    assert without_empty(spec, {option: " ", "other": ""}) == {"other": ""}


@pytest.mark.parametrize(
    ("name", "option"),
    [("hatci_create_event", "vin"), ("hatci_test_event_update", "status"), ("jumpstarter_power", "state")],
)
def test_an_empty_answer_without_a_default_is_left_to_its_own_check(name: str, option: str) -> None:
    assert without_empty(module_named(name).ARGUMENTS["argument_spec"], {option: ""}) == {option: ""}


def run_on_target(name: str, **arguments: t.Any) -> dict[str, t.Any]:
    """Run a module as a program of its own, as it runs on a target, and return its result."""
    given = {"hatci_base_url": "http://127.0.0.1:9", "hatci_token": "lab-token", "retry_timeout": 0, **arguments}
    started = subprocess.run(
        [sys.executable, "-m", f"ansible_collections.hatci.automation.plugins.modules.{name}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / ".cache/collections"), "_ANSIBLE_MODULE_PROFILE": "legacy"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.stdout, started.stderr
    return t.cast("dict[str, t.Any]", json.loads(started.stdout))


def test_a_module_looks_at_its_arguments_itself_where_it_runs_on_a_target() -> None:
    result = run_on_target("hatci_create_event", **{**EVENT, "build_level": 2024.1})
    assert result["failed"]
    assert result["msg"].startswith("build_level is the number 2024.1; put it into quotes.")


def test_a_module_on_a_target_takes_an_empty_answer_for_not_given() -> None:
    result = run_on_target("hatci_update_status", deployment_id=17, wait_timeout="", timeout="")
    assert "cannot be reached" in result["msg"]
    assert result["invocation"]["module_args"]["deployment_id"] == "17"
    assert result["invocation"]["module_args"]["wait_timeout"] == 3600.0
