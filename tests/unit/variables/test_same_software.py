# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that is the source already is refused, since the test would pass without an update."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.plugin_utils.test_variables import (
    check_test_variables,
    same_software_problem,
)

GATEWAY = {"ecu_name": "Gateway", "part_number": "GW-1", "sw_version": "1.0.0"}
RADIO = {"ecu_name": "Radio", "part_number": "RA-1", "sw_version": "1.0.0"}
SAME: dict[str, t.Any] = {
    "hatci_source_ecus": [GATEWAY, RADIO],
    "hatci_target_ecus": [RADIO, GATEWAY],
    "hatci_source_build_level": "2024.01",
    "hatci_target_build_level": "2024.01",
}
OTHER_LEVEL = {"hatci_target_build_level": "2024.02"}


def problem(expect: str = "", **variables: t.Any) -> str:
    values, problems = check_test_variables({**SAME, **variables})
    assert not problems
    return same_software_problem(values, expect)


@pytest.mark.parametrize("expect", ["", "completed", "restored", "completed_or_restored"])
def test_the_same_software_is_refused(expect: str) -> None:
    assert problem(expect).startswith("hatci_target_ecus holds the same software as hatci_source_ecus, so")


def test_sums_may_be_expected_to_refuse_it() -> None:
    assert problem("refused") == ""


@pytest.mark.parametrize(
    "target",
    [[GATEWAY], [GATEWAY, {**RADIO, "sw_version": "1.0"}], [GATEWAY, {**RADIO, "part_number": "RA-2"}]],
)
def test_an_update_of_one_ecu_is_one(target: list[dict[str, str]]) -> None:
    assert problem(hatci_target_ecus=target) == ""


def test_another_build_level_counts_unless_the_ecus_are_to_show_it() -> None:
    assert problem(**OTHER_LEVEL) == ""
    assert problem(**OTHER_LEVEL, ota_vehicle_checks=["source", "codes"]) == ""
    assert problem(**OTHER_LEVEL, ota_vehicle_checks=["target"]) != ""


def test_a_test_without_ecus_says_nothing() -> None:
    assert same_software_problem({}, "") == ""
