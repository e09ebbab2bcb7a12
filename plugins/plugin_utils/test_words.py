# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences with which a test ends."""

from __future__ import annotations

import typing as t

Values = t.Mapping[str, t.Any]

PASS, CHECKED, TIMEOUT = "PASS", "CHECKED", "TIMEOUT"
NOTHING_DONE = "The test can begin; nothing was created, deployed or leased."


def success_of(
    update: Values,
    target: str,
    checks: t.Sequence[str],
    by_uds: bool,
    scenario: Values,
    end: Values,
    check_mode: bool,
) -> dict[str, str]:
    """Return outcome and summary of a test that reached its end.

    :param update: what `hatci_update_status` returned.
    :param target: build level of the target.
    :param checks: what was verified on the vehicle.
    :param by_uds: whether its ECUs were read, not its console.
    :param scenario: of the test, empty if it has none.
    :param end: what `hatci_end_check` returned of the scenario.
    """
    if check_mode:
        return {"outcome": CHECKED, "summary": NOTHING_DONE}
    if scenario:
        return {"outcome": PASS, "summary": judged(scenario, end)}
    verified = ""
    if checks:
        verified = f", verified by UDS: {', '.join(checks)}" if by_uds else ", ECU versions verified over serial"
    return {"outcome": PASS, "summary": f"Update to {target} ended {update.get('state')}{verified}."}


def judged(scenario: Values, end: Values) -> str:
    """Return how a scenario ended."""
    return f"Scenario {scenario.get('name') or ''}: {end.get('summary') or ''}"


def told(
    test: Values,
    result: Values,
    troubles: t.Sequence[str],
    go_on: str = "",
    kept: Values | None = None,
    console: str = "",
) -> str:
    """Return the last sentence of a test: how it ended, and how to go on.

    :param test: `outcome`, `summary`, and `reason` where a task failed.
    :param result: what `hatci_outcome` returned.
    :param troubles: what went wrong after the outcome was known.
    :param go_on: the host to resume it for; empty if it cannot be resumed.
    :param kept: the device that stays leased, with `kept_until`, `enter` and `give_back`; empty if none does.
    :param console: file in which its console is recorded.
    """
    if not result.get("test_event_id") and "reason" in test:
        return str(test["reason"])
    outcome = "CHECK MODE" if test["outcome"] == CHECKED else test["outcome"]
    words = [f"{outcome} {result.get('vin') or ''}: {test['summary']}", *troubles]
    if go_on and test["outcome"] == TIMEOUT and result.get("deployment_id"):
        words.append(
            f"To go on with it: ansible-playbook hatci.automation.ota_resume -i INVENTORY -e ota_hosts={go_on} "
            f"-e hatci_test_event_id={result['test_event_id']} -e hatci_deployment_id={result['deployment_id']}."
        )
    if kept:
        recorded = f"; its console is recorded in {console}" if console else ""
        words.append(
            f"The device stays leased until {kept['kept_until']}{recorded}. To enter it: {kept['enter']} ; "
            f"to give it back sooner: {kept['give_back']}"
        )
    return " ".join(words)
