# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario in sentences, for people who want to know what would be done to the vehicle."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.module_utils._vehicle.ends import COMPLETED
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import (
    COMMANDS,
    NONE,
    POWER,
    POWER_OFF,
    SOURCE,
    SWITCH_OFF,
    TASKS,
    UNREACHABLE,
    WRONG_PART_NUMBER,
)

OFFERED = {
    WRONG_PART_NUMBER: ["It offers part numbers that no ECU has."],
    SOURCE: ["It offers the way back: source and target are exchanged."],
}
PROVEN = {
    UNREACHABLE: "the ECUs do not answer",
    POWER: "the power driver says so",
    COMMANDS: "the commands exit with 0",
    NONE: "nothing",
}

Values = Mapping[str, t.Any]


def describe_scenario(scenario: Values) -> list[str]:
    """Return what a normalised scenario does and expects; of the plain test only the latter."""
    within = scenario.get("within")
    limit = f", within {within:g} s" if within is not None else ""
    return [
        *OFFERED.get(scenario.get("offer", ""), []),
        *(_disturbance(disturbance) for disturbance in scenario.get("disturbances", [])),
        f"It passes if the update is {scenario.get('expect', COMPLETED)}{limit}.",
    ]


def _disturbance(disturbance: Values) -> str:
    what = {POWER_OFF: SWITCH_OFF, TASKS: f"tasks of {disturbance['tasks']}"}.get(disturbance["do"])
    lasts = f", for {disturbance['for']:g} s" if disturbance["for"] else ""
    undo = f", undone by {'; '.join(disturbance['undo'])}" if disturbance["undo"] else ""
    proof = disturbance["proof"]
    shown = f"{'; '.join(proof[COMMANDS])} exits with 0" if isinstance(proof, Mapping) else PROVEN[proof]
    return (
        f"{_point(disturbance['at'])}: {what or '; '.join(disturbance['commands'])}{lasts}{undo}; proven by: {shown}."
    )


def _point(at: Values) -> str:
    [(kind, value)] = at.items()
    if kind == "state":
        return f"At the state {value}"
    return f"At {value:g} percent" if kind == "progress" else f"{value:g} s after the deployment"
