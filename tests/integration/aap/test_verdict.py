# SPDX-License-Identifier: GPL-3.0-or-later
"""The last node of the workflow decides by what the test handed on."""

from __future__ import annotations

import typing as t

import pytest
from aap_support import REPOSITORY

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

PASSED = {"vin": "1HGBH41JXMN109186", "outcome": "PASS", "summary": "Update to 2 ended COMPLETE."}
FAILED = {"vin": "1HGBH41JXMN109187", "outcome": "TIMEOUT", "summary": "It did not end."}


@pytest.mark.parametrize(
    ("handed_on", "returncode", "said"),
    [
        ({"ota_tests": {"vehicle_001": PASSED}}, 0, "PASS: vehicle_001"),
        ({"ota_tests": {"vehicle_001": PASSED, "vehicle_002": FAILED}}, 2, "TIMEOUT vehicle_002: It did not end."),
        ({}, 2, "No test handed on an outcome: its job was cancelled or died."),
        (
            {
                "ota_tests": {"vehicle_002": PASSED},
                "ota_vehicles": ["vehicle_002"],
                "ota_tests_of_000000000007": {"vehicle_001": FAILED},
                "ota_vehicles_of_000000000007": ["vehicle_001", "vehicle_003"],
                "ota_tests_of_000000000010": {"vehicle_002": PASSED},
            },
            2,
            "TIMEOUT vehicle_001: It did not end.; ERROR vehicle_003: the test did not begin",
        ),
        (
            {
                "ota_tests_of_000000000007": {"vehicle_001": FAILED},
                "ota_tests_of_000000000010": {"vehicle_001": PASSED},
                "ota_vehicles_of_000000000007": ["vehicle_001"],
            },
            0,
            "PASS: vehicle_001",
        ),
    ],
)
def test_the_verdict(
    ansible_playbook: AnsiblePlaybook, handed_on: dict[str, t.Any], returncode: int, said: str
) -> None:
    play = ansible_playbook(REPOSITORY / "playbooks/ota_verdict.yml", variables=handed_on)
    assert play.returncode == returncode, play.output
    assert said in play.task("Decide")["msg"]
