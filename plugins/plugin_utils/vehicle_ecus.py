# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the ECUs by which a vehicle is read can be read, each on its own, and all that the test is about."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.hatci.automation.plugins.module_utils._arguments import TEXT, TEXT_OR_INT, text_problem
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.ecu_options import check_ecu, refuse_twice
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import ECU_ARGUMENTS
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import name_of
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import CHECKS, SOURCE, TARGET

Ecus = Sequence[Mapping[str, t.Any]]

TEXTS = ("name", "driver")


def ecu_problems(ecus: Ecus) -> list[str]:
    """Return a sentence for each ECU that cannot be read as it is given, or is there twice."""
    problems = [problem for ecu in ecus for problem in _type_problems(ecu)]
    if problems or not ecus:
        return problems
    try:
        checked = [check_ecu({name: _as_text(ecu.get(name), name) for name in ECU_ARGUMENTS}) for ecu in ecus]
        refuse_twice([ecu["name"] for ecu in checked])
    except Failure as failure:
        return [failure.message]
    places: dict[str, str] = {}
    for ecu in checked:
        place = str([ecu["driver"], ecu["logical_address"], ecu["dids"]])
        if place in places:
            return [
                f"{places[place]} and {ecu['name']} are read at the same place, {ecu['driver']}; correct one of them."
            ]
        places[place] = ecu["name"]
    return []


def unread_problems(variables: Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each list of ECUs of which one could never be proven, since nothing is read of it.

    :param variables: of the test, those that are given and can be used.
    """
    read = {ecu["name"] for ecu in variables.get("ota_vehicle_ecus") or []}
    checks = variables.get("ota_vehicle_checks", CHECKS)
    if not read:
        return []
    problems = []
    for check in (SOURCE, TARGET):
        ecus = variables.get(f"hatci_{check}_ecus") or []
        unread = [name_of(ecu) for ecu in ecus if name_of(ecu) not in read]
        if unread and check in checks:
            problems.append(
                f"hatci_{check}_ecus has {', '.join(unread)[:200]}, which ota_vehicle_ecus does not read; add it there "
                f"by the same name, or leave {check} out of ota_vehicle_checks."
            )
    return problems


def _type_problems(ecu: Mapping[str, t.Any]) -> list[str]:
    kinds = {name: TEXT if name in TEXTS else TEXT_OR_INT for name in ECU_ARGUMENTS}
    told = [text_problem(f"{name} of {str(ecu.get('name'))[:60]}", ecu.get(name), kind) for name, kind in kinds.items()]
    return [problem for problem in told if problem]


def _as_text(value: t.Any, name: str) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return ECU_ARGUMENTS[name].get("default")
    return str(value)
