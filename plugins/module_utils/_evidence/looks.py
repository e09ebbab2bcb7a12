# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the looks at a vehicle tell: its accounts before and after the update, and the checks that were made of them."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import END, PASS

Step = dict[str, t.Any]
Check = dict[str, t.Any]

MODULE = "hatci_vehicle_check"
MODULE_OF_END = "hatci_end_check"
AFTER = "after"
NO_CODES = "no confirmed code that was not there before"


def looks_of(steps: t.Iterable[Step]) -> dict[str, Step]:
    """Return what was seen of the vehicle last at each moment, ``before`` and ``after``."""
    seen = {_moment(step): step["result"].get("record") for step in steps if step.get("module") == MODULE}
    return {moment: record for moment, record in seen.items() if isinstance(record, dict) and record.get("ecus")}


def checks_of(steps: t.Iterable[Step]) -> list[Check]:
    """Return each check that a look at the vehicle made, and that of the end, with what was expected and measured.

    Of what a lab checks by itself those that hold; one that does not ends the test, unless the lab rescues it.
    """
    makers = {MODULE: _checks_of_step, MODULE_OF_END: _checks_of_end}
    return [
        check
        for step in steps
        if step.get("module") in makers and not (step.get("is_of_lab") and step["outcome"] == "failed")
        for check in makers[str(step["module"])](step)
    ]


def _checks_of_step(step: Step) -> t.Iterator[Check]:
    arguments, result = _arguments(step), step["result"]
    record = result.get("record")
    if not isinstance(record, dict):
        return
    is_after = _moment(step) == AFTER
    made = arguments.get("checks") or []
    if "identity" in made:
        expected, measured = str(arguments.get("vin") or ""), str(record.get("vin") or "")
        name = "identity after the update" if is_after else "identity"
        yield _check(name, measured.upper() == expected.upper(), expected, measured or "not told", "ERROR")
    wanted = "target" if is_after else "source"
    if wanted in made:
        different, means = result.get("differences"), "FAIL" if is_after else "INVALID"
        yield _check(wanted, not different, _software(arguments.get("ecus")), different or "as expected", means)
    if "codes" in made and is_after:
        found = [f"{code.get('name')} {code.get('code')}" for code in result.get("new_codes") or []]
        has_failed = step["outcome"] == "failed"
        passed = False if found else None if has_failed else True
        yield _check("codes", passed, NO_CODES, found, "FAIL")


def _checks_of_end(step: Step) -> t.Iterator[Check]:
    arguments, result = _arguments(step), step["result"]
    outcome = result.get("end_outcome")
    if outcome:
        means = "FAIL" if outcome == PASS else str(outcome)
        yield _check(END, outcome == PASS, arguments.get("expect"), result.get("summary"), means)


def _check(name: str, passed: bool | None, expected: t.Any, measured: t.Any, means: str) -> Check:
    return {"name": name, "passed": passed, "expected": expected, "measured": measured, "means": means}


def _moment(step: Step) -> str:
    return str(_arguments(step).get("moment") or "")


def _arguments(step: Step) -> dict[str, t.Any]:
    """Return the arguments of a step, none if they may not be shown."""
    arguments = step.get("arguments")
    return arguments if isinstance(arguments, dict) else {}


def _software(ecus: t.Any) -> list[str]:
    named = [ecu for ecu in ecus if isinstance(ecu, dict)] if isinstance(ecus, list) else []
    return [" ".join(str(ecu.get(name) or "") for name in ("ecu_name", "part_number", "sw_version")) for ecu in named]
