# SPDX-License-Identifier: GPL-3.0-or-later
"""A suite of which a scenario cannot be run on this host, before anything is created."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar

from ansible_collections.hatci.automation.plugins.action.hatci_suite import ActionModule

ECUS = [{"name": "Gateway", "address": 1}]
RIG = {"jumpstarter_exporter_name": "vehicle-001", "ota_vehicle_ecus": ECUS, "ota_vehicle_checks": ["target"]}
SUITE = ["nominal", "power_loss_while_installing", {"name": "mine", "expect": "restored"}]


def names_of(given: t.Any, **variables: t.Any) -> list[str]:
    """Return the names of the scenarios that the module gets."""
    init_plugin_loader()
    loader = DataLoader()
    action = object.__new__(ActionModule)
    action._loader, action._task_vars = loader, variables
    action._templar = Templar(loader, variables=variables)
    play = Play.load({"hosts": "localhost", "gather_facts": False}, loader=loader)
    action._task = types.SimpleNamespace(get_play=lambda: play)
    return [entry["scenario"]["name"] for entry in action._scenarios(given)]


def test_what_the_rig_allows_is_planned() -> None:
    assert names_of(SUITE, **RIG) == ["nominal", "power_loss_while_installing", "mine"]


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        (
            {"ota_vehicle_ecus": []},
            "number 2 of ota_suite proves a disturbance by ECUs that do not answer; set ota_vehicle_ecus.",
        ),
        ({"jumpstarter_exporter_name": ""}, "number 2 of ota_suite disturbs the vehicle, but no device is leased;"),
        (
            {"ota_vehicle_checks": []},
            "number 3 of ota_suite expects the end restored, which only the vehicle can tell",
        ),
    ],
)
def test_a_suite_is_refused_where_one_of_its_scenarios_could_not_be_proven(lacks: dict[str, t.Any], told: str) -> None:
    with pytest.raises(AnsibleActionFail) as refused:
        names_of(SUITE, **{**RIG, **lacks})
    assert told in str(refused.value)
    assert str(refused.value).endswith("Nothing was created.")


def test_all_that_lacks_is_told_at_once() -> None:
    with pytest.raises(AnsibleActionFail) as refused:
        names_of(SUITE, ota_vehicle_checks=[])
    assert "number 2 of ota_suite" in str(refused.value)
    assert "number 3 of ota_suite" in str(refused.value)


@pytest.mark.parametrize("unusable", ["{{ not_set_yet }}", "no list"])
def test_a_variable_that_cannot_be_used_yet_is_left_to_the_test(unusable: str) -> None:
    template = {"ota_vehicle_ecus": trusted(unusable)}
    assert len(names_of(SUITE, **{**RIG, **template})) == len(SUITE)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["nominal", ""], "number 2 of ota_suite is empty; give the name of a scenario, its file, or a mapping."),
        ([" ", "nominal"], "number 1 of ota_suite is empty"),
        (["nominal", {}], "number 2 of ota_suite is empty"),
        (["nominal", None], "number 2 of ota_suite is not a scenario"),
        (["nominal rollback " * 40], "is not a scenario of this collection"),
        (["./" + "x" * 300], "is not a file; give its whole path"),
        *(
            (other, "ota_suite names no scenario; give a list of them.")
            for other in (5, True, {}, {"name": "a"}, "", [])
        ),
    ],
)
def test_a_suite_that_is_no_list_of_scenarios_is_refused_in_a_sentence(given: t.Any, told: str) -> None:
    with pytest.raises(AnsibleActionFail) as refused:
        names_of(given, **RIG)
    assert told in str(refused.value)


def test_text_may_end_with_a_comma() -> None:
    assert names_of("nominal, rollback,\n", **RIG) == ["nominal", "rollback"]


def trusted(text: str) -> t.Any:
    """Return text as an inventory gives it, on a core that knows trust as on one that does not."""
    from ansible import template

    return getattr(template, "trust_as_template", str)(text)
