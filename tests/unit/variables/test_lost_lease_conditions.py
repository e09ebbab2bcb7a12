# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks that give a device back make of the outcome of its test, whatever extra variables are named like."""

from __future__ import annotations

import typing as t
from pathlib import Path

import jinja2
import jinja2.nativetypes
import pytest
import yaml

from ansible_collections.hatci.automation.plugins.filter import test_corrected

ROLES = Path(__file__).parents[3] / "roles"
EXTRA = {
    "current_lease_name": "",
    "jumpstarter_lease_guard_was_held": True,
    "jumpstarter_lease_guard_held": "",
    "jumpstarter_lease_guard_since": "",
}
"""Extra variables win over facts of the same name."""


def tasks_of(path: str) -> list[dict[str, t.Any]]:
    """Return the tasks of a file, those in blocks and rescues too."""

    def all_of(tasks: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
        within = [inner for task in tasks for part in ("block", "rescue") for inner in task.get(part, [])]
        return tasks + (all_of(within) if within else [])

    return all_of(yaml.safe_load((ROLES / path).read_text(encoding="utf-8")))


def named(path: str, name: str) -> dict[str, t.Any]:
    """Return the first task of that name."""
    return next(task for task in tasks_of(path) if task["name"] == name)


def value(expression: str, **variables: t.Any) -> t.Any:
    """Return the value of an expression."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters["hatci.automation.test_corrected"] = test_corrected.test_corrected
    return environment.compile_expression(expression)(**variables)


def render(template: str, **variables: t.Any) -> str:
    """Return a rendered template."""
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template).render(**variables)


def corrected_by(template: str, **variables: t.Any) -> dict[str, str]:
    """Return the test that a template makes of one with the filter of this collection."""
    environment = jinja2.nativetypes.NativeEnvironment(undefined=jinja2.StrictUndefined)
    environment.filters["hatci.automation.test_corrected"] = test_corrected.test_corrected
    return t.cast("dict[str, str]", environment.from_string(template).render(**variables))


def outcome_after(name: str, outcome: str, **variables: t.Any) -> tuple[str, str]:
    """Return outcome and summary after a task of giving back."""
    task = named("hatci_ota_test/tasks/give_back.yml", name)
    given = {
        "__hatci_ota_test": {"outcome": outcome, "summary": "As it was."},
        "ansible_check_mode": False,
        **variables,
    }
    if not value(str(task["when"]), **given):
        return outcome, "As it was."
    test = value(task["ansible.builtin.set_fact"]["__hatci_ota_test"].strip().strip("{}"), **given)
    return test["outcome"], test["summary"]


@pytest.mark.parametrize(
    ("outcome", "expected"), [("PASS", "ERROR"), ("FAIL", "ERROR"), ("TIMEOUT", "TIMEOUT"), ("INVALID", "INVALID")]
)
def test_a_verdict_during_which_the_lease_was_lost_is_an_error(outcome: str, expected: str) -> None:
    name = "Refuse a verdict during which the device was lost"
    found, summary = outcome_after(name, outcome, **EXTRA, __jumpstarter_lease_guard_lost=True)
    assert found == expected
    assert ("another job may have had the vehicle" in summary) is (expected == "ERROR")
    assert ("As it was." in summary) is (outcome != "PASS")
    assert outcome_after(name, outcome, **EXTRA, __jumpstarter_lease_guard_lost=False)[0] == outcome
    assert outcome_after(name, outcome, ansible_check_mode=True, __jumpstarter_lease_guard_lost=True)[0] == outcome


def test_a_success_whose_device_could_not_be_given_back_is_an_error() -> None:
    name = "Refuse a success whose device could not be given back"
    assert outcome_after(name, "PASS")[0] == "ERROR"
    assert outcome_after(name, "FAIL")[0] == "FAIL"


def test_a_release_that_may_fail_is_no_lost_lease_and_no_proof_of_one_that_held() -> None:
    facts = named("jumpstarter_lease_guard/tasks/always.yml", "Forget the lease")["ansible.builtin.set_fact"]
    given = {"__jumpstarter_lease_guard_name": "hatci-7", "__jumpstarter_lease_guard": {"failed": True}}
    names = ("__jumpstarter_lease_guard_lost", "__jumpstarter_lease_guard_unproven")
    found = {name: render(facts[name], **given) == "True" for name in names}
    assert found == dict(zip(names, (False, True), strict=True))
    name = "Refuse a verdict during which the device was lost"
    assert "it is not known whether its lease held" in outcome_after(name, "PASS", **found)[1]
    assert outcome_after(name, "PASS", **found)[0] == "ERROR"
    assert outcome_after(name, "FAIL", **found) == ("FAIL", "As it was.")


@pytest.mark.parametrize("changed", [True, False])
def test_extra_variables_decide_neither_which_lease_is_given_back_nor_whether_it_held(changed: bool) -> None:
    guard = yaml.safe_load((ROLES / "jumpstarter_lease_guard/vars/main.yml").read_text(encoding="utf-8"))
    test = yaml.safe_load((ROLES / "hatci_ota_test/vars/main.yml").read_text(encoding="utf-8"))
    for template in (guard["__jumpstarter_lease_guard_name"], test["__hatci_ota_test_lease"]):
        assert render(template, **EXTRA, __jumpstarter_lease_guard_lease="hatci-7") == "hatci-7"
        assert render(template, current_lease_name="mine") == "mine"
    facts = named("jumpstarter_lease_guard/tasks/always.yml", "Forget the lease")["ansible.builtin.set_fact"]
    lost = render(
        facts["__jumpstarter_lease_guard_lost"],
        **EXTRA,
        __jumpstarter_lease_guard_name="hatci-7",
        __jumpstarter_lease_guard={"changed": changed},
    )
    assert lost == str(not changed)
