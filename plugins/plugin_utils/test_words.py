# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences with which a test ends, or is handed over."""

from __future__ import annotations

import shlex
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._outcome import CHECKED, ERROR, GOOD, PASS
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import canonical

Values = t.Mapping[str, t.Any]

FAIL, TIMEOUT = "FAIL", "TIMEOUT"
NOTHING_DONE = "The test can begin; nothing was created, deployed or leased."
DEVICE_LOST = (
    "The lease of the device had ended before it was given back, so another job may have had the vehicle during this "
    "test; run it again."
)
NOT_GIVEN_BACK = (
    "The device could not be given back, so it is not known whether its lease held to the end of this test; run it "
    "again."
)
HAS_THE_TARGET = "The vehicle, however, has the target software."


def success_of(
    update: Values,
    target: str,
    checks: t.Sequence[str],
    by_uds: bool,
    scenario: Values,
    end: Values,
    check_mode: bool,
    success_states: t.Sequence[str] = (),
) -> dict[str, str]:
    """Return outcome and summary of a test that reached its end.

    :param update: what `hatci_update_status` returned.
    :param target: build level of the target.
    :param checks: what was verified on the vehicle.
    :param by_uds: whether its ECUs were read, not its console.
    :param scenario: of the test, empty if it has none.
    :param end: what `hatci_end_check` returned of the scenario.
    :param success_states: those of an update that has succeeded; empty for any.
    """
    if check_mode:
        return {"outcome": CHECKED, "summary": NOTHING_DONE}
    if scenario:
        return {"outcome": PASS, "summary": judged(scenario, end)}
    state = str(update.get("state") or "")
    if success_states and canonical(state) not in map(canonical, success_states):
        return {
            "outcome": ERROR,
            "summary": f"The update to {target} was not waited for to its end: its state is {state or 'unknown'}. "
            "So it is where check_mode stands in the playbook; leave that out.",
        }
    verified = ""
    if checks:
        verified = f", verified by UDS: {', '.join(checks)}" if by_uds else ", ECU versions verified over serial"
    return {"outcome": PASS, "summary": f"Update to {target} ended {update.get('state')}{verified}."}


def judged(scenario: Values, end: Values) -> str:
    """Return how a scenario ended."""
    return f"Scenario {scenario.get('name') or ''}: {end.get('summary') or ''}"


def reported(test: Values) -> dict[str, str]:
    """Return the status that SUMS knows for an outcome, and the summary that goes with it."""
    outcome, summary = str(test["outcome"]), str(test["summary"])
    if outcome in GOOD:
        return {"status": PASS, "summary": summary}
    return {"status": FAIL, "summary": summary if outcome == FAIL else f"{outcome}: {summary}"}


def corrected(test: Values, found: str, differences: t.Sequence[str] = ()) -> dict[str, str]:
    """Return outcome and summary of a test of which something came out after it had ended.

    :param found: ``device_lost``, ``device_not_given_back`` or ``vehicle_looked_at``.
    :param differences: what the vehicle that was looked at lacks of the target.
    """
    if found == "device_not_given_back":
        return {"outcome": ERROR, "summary": NOT_GIVEN_BACK}
    if found == "device_lost":
        until_then = "" if test["outcome"] == PASS else f" Until then: {test['summary']}"
        return {"outcome": ERROR, "summary": f"{DEVICE_LOST}{until_then}"}
    says = f"Of the target the vehicle lacks: {'; '.join(differences)}." if differences else HAS_THE_TARGET
    return {"outcome": str(test["outcome"]), "summary": f"{test['summary']} {says}"}


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
    outcome = ERROR if troubles and test["outcome"] in GOOD else test["outcome"]
    outcome = "CHECK MODE" if outcome == CHECKED else outcome
    words = [f"{outcome} {result.get('vin') or ''}: {test['summary']}", *troubles]
    if go_on and test["outcome"] == TIMEOUT and result.get("deployment_id"):
        words.append(f"{_to_go_on(go_on, result)}.")
    if kept:
        recorded = f"; its console is recorded in {console}" if console else ""
        words.append(
            f"The device stays leased until {kept['kept_until']}{recorded}. To enter it: {kept['enter']} ; "
            f"to give it back sooner: {kept['give_back']}"
        )
    return " ".join(words)


def handed_over(handover: Values, vin: str, host: str, kept: Values) -> str:
    """Return the sentence with which a test is left to another job, and how to go on.

    :param handover: what `hatci_handover` returned of it.
    :param kept: the device that stays leased, with `kept_until`; empty if none does.
    """
    leased = f"; the device stays leased until {kept['kept_until']}" if kept else ""
    return (
        f"Test event {handover['test_event_id']} of {vin} was handed over with deployment {handover['deployment_id']}"
        f"{leased}. {_to_go_on(host, handover)}"
    )


def _to_go_on(host: str, test: Values) -> str:
    """Return the command that goes on with a test, which can be pasted into a shell whatever its names are."""
    return (
        f"To go on with it: ansible-playbook hatci.automation.ota_resume -i INVENTORY -e ota_hosts={shlex.quote(host)} "
        f"-e hatci_test_event_id={shlex.quote(str(test['test_event_id']))} "
        f"-e hatci_deployment_id={shlex.quote(str(test['deployment_id']))}"
    )
