# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's variables say of its test, for the evidence; what cannot be used is left for their check to refuse."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleError

from ansible_collections.hatci.automation.plugins.plugin_utils.ecu_text import UnreadableText, parse_ecus
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables

TEXTS = {
    "vin": "hatci_vin",
    "vehicle_id": "hatci_vehicle_id",
    "exporter": "jumpstarter_exporter_name",
    "tester": "hatci_tester_name",
    "program_name": "hatci_program_name",
    "model_year": "hatci_model_year",
    "region": "hatci_region",
    "suite": "__hatci_ota_test_suite_name",
}
SOFTWARE = ("source", "target")
SUITE_STEP = "__hatci_ota_suite_step"


def describe_test(variables: TypedVariables) -> dict[str, t.Any]:
    """Return what the record of a test begins with."""
    described: dict[str, t.Any] = {key: _text(variables, name) for key, name in TEXTS.items()}
    for which in SOFTWARE:
        described[which] = {
            "build_level": _text(variables, f"hatci_{which}_build_level"),
            "ecus": _ecus(variables, f"hatci_{which}_ecus"),
        }
    return {**described, "step": _step(_value(variables, SUITE_STEP))}


def _step(step: t.Any) -> str:
    """Return which test of its suite this is, in words that no other one has; empty if it is of none."""
    if not isinstance(step, Mapping):
        return ""
    name = f"before {step.get('name')}" if step.get("kind") == "return" else str(step.get("name") or "")
    cycles = int(step.get("cycles") or 1)
    return f"{name}, cycle {step.get('cycle')} of {cycles}" if cycles > 1 else name


def _text(variables: TypedVariables, name: str) -> str:
    value = _value(variables, name)
    return "" if value is None else str(value)


def _ecus(variables: TypedVariables, name: str) -> list[t.Any]:
    value = _value(variables, name)
    if isinstance(value, str):
        try:
            return parse_ecus(value)
        except UnreadableText:
            return []
    return value if isinstance(value, list) else []


def _value(variables: TypedVariables, name: str) -> t.Any:
    try:
        return variables.get(name)
    except AnsibleError:
        return None
