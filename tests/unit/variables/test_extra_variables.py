# SPDX-License-Identifier: GPL-3.0-or-later
"""An extra variable that is named like what a run sets changes nothing: it is refused, or nothing goes by that name."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.vars.manager import VariableManager

from ansible_collections.hatci.automation.plugins.plugin_utils.extra_variables import OWN_PREFIXES, hidden_names
from ansible_collections.hatci.automation.plugins.plugin_utils.whole_play import tasks_of

REPOSITORY = Path(__file__).parents[3]
FILES = [
    path
    for path in (*REPOSITORY.glob("roles/*/tasks/*.yml"), *REPOSITORY.glob("playbooks/**/*.yml"))
    if "walkthrough" not in path.parts
]
FOR_OTHERS = {
    "hatci_final_state",
    "hatci_final_reason",
    "source_event_id",
    "target_event_id",
    "ota_fleet_reason",
}
"""What hatci_ota_test and its playbooks set for whoever follows, and do not go by themselves, so that they bear an
extra variable of that name."""

TOLD_ONLY = {f"jumpstarter_lease_guard_{name}" for name in ("exporter", "held", "since", "was_held")}
"""What decides nothing."""


def entries_of(value: t.Any) -> Iterator[dict[str, t.Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
            for part in item.values():
                yield from entries_of(part)


def names_set() -> dict[str, set[str]]:
    """Return what is set under a name that is not the collection's own, and where."""
    found: dict[str, set[str]] = {}
    for path in FILES:
        for task in entries_of(yaml.safe_load(path.read_text(encoding="utf-8"))):
            names = {task.get("register")} | {*(task.get("ansible.builtin.set_fact") or ())}
            for name in names:
                if isinstance(name, str) and not name.startswith((*OWN_PREFIXES, "__release_")):
                    found.setdefault(name, set()).add(path.relative_to(REPOSITORY).parts[1])
    return found


def refused_by(role: str) -> set[str]:
    refused = set()
    for path in REPOSITORY.glob(f"roles/{role}/tasks/*.yml"):
        for task in entries_of(yaml.safe_load(path.read_text(encoding="utf-8"))):
            results = (task.get("hatci.automation.hatci_variables") or {}).get("results") or ()
            refused |= set(re.findall(r"\w+", results)) if isinstance(results, str) else set(results)
    return refused


SET = names_set()


def test_there_is_something_to_look_at() -> None:
    assert len(SET) > 15 and set(SET) >= FOR_OTHERS


@pytest.mark.parametrize("name", sorted(SET))
def test_what_a_run_sets_is_not_hidden(name: str) -> None:
    everywhere = refused_by("hatci_preflight")
    for where in SET[name]:
        tests_itself = where == "hatci_ota_test" or where.endswith(".yml") or where == "tasks"
        borne = FOR_OTHERS if tests_itself else refused_by(where)
        assert name in everywhere | TOLD_ONLY | borne


@pytest.mark.parametrize("name", sorted(FOR_OTHERS - {"ota_fleet_reason"}))
def test_a_test_does_not_go_by_what_may_be_hidden(name: str) -> None:
    for path in REPOSITORY.glob("roles/hatci_ota_test/*/*.yml"):
        for expression in re.findall(r"\{\{.*?\}\}", path.read_text(encoding="utf-8"), re.DOTALL):
            assert not re.search(rf"(?<![\w.]){name}\b(?!=)", expression), path


def hidden_in(tasks: list[dict[str, t.Any]], *extra: str, results: tuple[str, ...] = ()) -> list[str]:
    loader = DataLoader()
    tasks = [*tasks, {"name": "last", "debug": {"msg": "x"}}]
    play = Play.load(
        {"hosts": "all", "gather_facts": False, "tasks": tasks},
        variable_manager=VariableManager(loader=loader),
        loader=loader,
    )
    last = next(task for task in tasks_of(play) if task.name == "last")
    return hidden_names(last, extra, results)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ({"command": "true", "register": "deployment"}, "deployment"),
        ({"block": [{"command": "true", "register": "deployment"}]}, "deployment"),
        ({"include_role": {"name": "report"}, "vars": {"hatci_test_status": "PASS"}}, "hatci_test_status"),
        ({"ansible.builtin.set_fact": {"hatci_test_status": "PASS"}}, "hatci_test_status"),
        ({"set_fact": {"hatci_deployment_id": "{{ x }}"}}, "hatci_deployment_id"),
    ],
)
def test_what_a_play_of_ones_own_sets_is_not_hidden(task: dict[str, t.Any], name: str) -> None:
    assert hidden_in([task], name, "hatci_vin") == [name]
    assert hidden_in([task], "hatci_vin") == []
    assert hidden_in([], "hatci_test_status", "hatci_deployment_id", "deployment") == []


def test_settings_of_a_play_may_be_given_otherwise() -> None:
    tasks = [
        {"include_role": {"name": "wait"}, "vars": {"hatci_poll_timeout_seconds": 3600}},
        {"set_fact": {"hatci_region": "US"}},
    ]
    assert hidden_in(tasks, "hatci_poll_timeout_seconds", "hatci_region") == []


def test_results_of_a_role_and_names_of_the_collection_s_own_are_not_hidden() -> None:
    extra = ("hatci_final_state", "__hatci_ota_test_update", "awx_job_id", "__mine")
    assert hidden_in([], *extra, results=("hatci_final_state", "other")) == [
        "__hatci_ota_test_update",
        "hatci_final_state",
    ]
