# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebooks fit the event source and the playbooks."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from event_source_simulation import load
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

REPOSITORY = Path(__file__).parents[3]
RULEBOOKS = sorted((REPOSITORY / "extensions/eda/rulebooks").glob("*.yml"))
SOURCE = load()


def rulesets(path: Path) -> list[dict[str, t.Any]]:
    """Return what a rulebook holds."""
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_it_gives_the_event_source_what_that_needs(path: Path) -> None:
    for ruleset in rulesets(path):
        (source,) = ruleset["sources"]
        args = source["hatci.automation.sums_deployments"]
        assert args.keys() <= SOURCE["OPTIONS"].keys()
        assert {"state_file", "deployments_file"} <= args.keys()


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_its_rules_read_only_what_an_event_has(path: Path) -> None:
    given = {"host": "v", "test_event_id": "te-1", "target_build_level": "2", "target_ecus": "- {}"}
    event = SOURCE["Deployment"]("dep-1", given=given, state="COMPLETE").event(0.0, stalled_for=1)
    read = set(re.findall(r"event\.(\w+)\.(\w+)", path.read_text(encoding="utf-8")))
    assert read
    for part, name in read:
        assert name in event[part]


@pytest.mark.parametrize("name", ["ota_finish", "ota_finish_here"])
@pytest.mark.parametrize(
    "given",
    [
        {"host": "v", "test_event_id": "te-1", "target_build_level": "1.10", "target_ecus": "- {ecu_name: A}"},
        {"host": 7, "test_event_id": 12, "target_build_level": 2024, "target_ecus": [{"ecu_name": "G'\"<", "v": True}]},
        {"host": "7", "test_event_id": "12", "target_build_level": "1e3", "target_ecus": "[]"},
    ],
    ids=["texts", "numbers and lists", "texts that look like something else"],
)
def test_what_is_handed_on_is_text_whatever_stood_in_the_line(name: str, given: dict[str, t.Any]) -> None:
    """As the questions of type text in the survey of the job template demand."""
    (rules,) = rulesets(REPOSITORY / f"extensions/eda/rulebooks/{name}.yml")
    ((_kind, action),) = rules["rules"][0]["action"].items()
    event = SOURCE["Deployment"]("dep-1", given=given).event(0.0)
    handed_on = {
        variable: NativeEnvironment().from_string(template).render(event=event)
        for variable, template in action.get("job_args", action)["extra_vars"].items()
    }
    assert {type(value) for value in handed_on.values()} == {str}
    assert handed_on["hatci_test_event_id"] == str(given["test_event_id"])
    assert handed_on["ota_hosts"] == str(given["host"])
    if name == "ota_finish":
        ecus = given["target_ecus"]
        assert handed_on["hatci_target_build_level"] == str(given["target_build_level"])
        assert yaml.safe_load(handed_on["ota_target_ecus"]) == (yaml.safe_load(ecus) if isinstance(ecus, str) else ecus)


def test_a_job_that_failed_is_not_launched_again() -> None:
    """As ansible-rulebook does for each retry, whose job would be red because the test has its outcome."""
    (rules,) = rulesets(REPOSITORY / "extensions/eda/rulebooks/ota_finish.yml")
    action = rules["rules"][0]["action"]["run_job_template"]
    assert not action.keys() & {"retries", "retry"}
    assert action["organization"] == "{{ ota_aap_organization | default('Default') }}"


@pytest.mark.parametrize("path", [path for path in RULEBOOKS if "finish" in path.stem], ids=lambda path: path.stem)
def test_a_test_is_finished_whichever_state_ends_its_deployment(path: Path) -> None:
    for rule in rulesets(path)[0]["rules"]:
        assert "event.deployment.ended is defined" in rule["condition"]
        assert "state" not in rule["condition"], "which states end a deployment is known to the event source alone"


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, list(SOURCE["FAILURE"])),
        ({"hatci_failure_states": ["ROLLED_BACK"]}, ["ROLLED_BACK"]),
        ({"hatci_failure_states": "Rolled_back, FAILED"}, ["ROLLED_BACK", "FAILED"]),
    ],
)
def test_the_states_that_end_a_deployment_are_those_of_the_tests(
    path: Path, given: dict[str, t.Any], expected: list[str]
) -> None:
    args = rulesets(path)[0]["sources"][0]["hatci.automation.sums_deployments"]
    rendered = {
        name: NativeEnvironment(undefined=StrictUndefined).from_string(args[name]).render(given)
        for name in ("success_states", "failure_states")
    }
    made = {"base_url": "https://sums", "token": "t", "deployments": ["dep-1"]}
    options = SOURCE["options_of"]({**made, **rendered})
    assert (set(options["success_states"]), options["failure_states"]) == ({"COMPLETE"}, expected)
