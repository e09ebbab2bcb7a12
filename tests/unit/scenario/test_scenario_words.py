# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a scenario before it is run."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import normalise_scenario
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario_words import describe_scenario

RESET = {"at": {"seconds": 30}, "do": "commands", "commands": ["reset 1", "reset 2"]}
RELAY = {
    **{"at": {"state": "INSTALLING"}, "commands": ["relay off"], "undo": ["relay on"], "for": 15},
    **{"proof": {"commands": ["relay read | grep -q off"]}},
}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, ["It passes if the update is completed."]),
        (
            {"disturbances": [{"at": {"progress": 60}, "do": "power_off"}], "expect": "completed_or_restored"},
            [
                "At 60 percent: j power off, for 20 s, undone by j power on; proven by: the ECUs do not answer.",
                "It passes if the update is completed_or_restored.",
            ],
        ),
        (
            {"disturbances": [RESET, RELAY], "expect": "restored", "within": 90},
            [
                "30 s after the deployment: reset 1; reset 2; proven by: the commands exit with 0.",
                "At the state INSTALLING: relay off, for 15 s, undone by relay on; proven by: relay read | grep -q off "
                "exits with 0.",
                "It passes if the update is restored, within 90 s.",
            ],
        ),
        (
            {"disturbances": [{"at": {"progress": 1.5}, "tasks": "cut.yml", "proof": "power"}]},
            [
                "At 1.5 percent: tasks of cut.yml; proven by: the power driver says so.",
                "It passes if the update is completed.",
            ],
        ),
        (
            {"offer": "wrong_part_number", "expect": "refused"},
            ["It offers part numbers that no ECU has.", "It passes if the update is refused."],
        ),
        (
            {"offer": "source"},
            ["It offers the way back: source and target are exchanged.", "It passes if the update is completed."],
        ),
    ],
)
def test_it_is_said_what_is_done_and_expected(written: dict[str, t.Any], said: list[str]) -> None:
    assert describe_scenario(normalise_scenario(written)) == said
