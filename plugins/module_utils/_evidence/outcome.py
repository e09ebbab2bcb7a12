# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a test ended, worked out from its record alone, so that nobody has to believe the outcome it states."""

from __future__ import annotations

import typing as t

PASS = "PASS"  # noqa: S105  # a verdict
MEANING_OF_CHECKS = {"identity": "ERROR", "source": "INVALID", "target": "FAIL", "codes": "FAIL"}
"""What a check that does not hold makes of a test; any other one makes it FAIL."""

END = "end"
"""The check that holds what SUMS and the vehicle say against the end that a scenario expects."""

OUTCOMES = (PASS, "FAIL", "TIMEOUT", "ERROR", "ABORTED", "INVALID")
NOT_TESTED = ("", "TIMEOUT", "UNKNOWN")
"""Final states of a deployment that say nothing about the vehicle."""

Record = t.Mapping[str, t.Any]


def outcome_of(record: Record) -> str:
    """Return the outcome that follows from a record, whatever outcome it states.

    What proves that nothing was tested comes first, then what ended the test, then what it found. Neither a success nor
    a failure says anything of a vehicle that another job may have had, and a success needs the proof that none had.
    """
    outcome = _outcome_by_steps(record)
    lease = record.get("lease") or {}
    unproven = ([PASS] if lease.get("release_failed") else []) if lease.get("was_held", True) else [PASS, "FAIL"]
    return "ERROR" if outcome in unproven and record["ended_by"] != "closer" else outcome


def _outcome_by_steps(record: Record) -> str:
    failed = [check["means"] for check in record["checks"] if check["passed"] is False]
    if "INVALID" in failed or not _is_disturbed_as_told(record):
        return "INVALID"
    if record["failure"]:
        return _outcome_of_failure(record)
    if record["ended_by"] == "closer":
        return str(record["reported"] or "ABORTED")
    if failed:
        return str(failed[0])
    if not _is_as_expected(record):
        return "FAIL" if record["deployment"] and record["deployment"]["succeeded"] is not None else "ERROR"
    if record["troubles"] or any(check["passed"] is None for check in record["checks"]):
        return "ERROR"
    return PASS


def _is_disturbed_as_told(record: Record) -> bool:
    """Whether each disturbance is proven; that an update, still open, did not come to the last is its own fault."""
    *earlier, last = record["disturbances"] or [{"proven": True}]
    is_open = bool(record["deployment"]) and record["deployment"]["succeeded"] is None
    has_stood_still = is_open and last.get("reached") is False
    return all(disturbance["proven"] for disturbance in earlier) and bool(last["proven"] or has_stood_still)


def _outcome_of_failure(record: Record) -> str:
    outcome = record["failure"]["outcome"]
    if outcome in OUTCOMES:
        return str(outcome)
    state = record["deployment"]["state"] if record["deployment"] else ""
    return "ERROR" if state in NOT_TESTED else "FAIL"


def _is_as_expected(record: Record) -> bool:
    """Whether the deployment ended as the scenario expects; a plain test expects that it is complete."""
    succeeded = record["deployment"]["succeeded"] if record["deployment"] else None
    has_ended_well = any(check["name"] == END and check["passed"] for check in record["checks"])
    match record["test"]["expect"]:
        case "refused" if record["deployment"] is None:
            return has_ended_well
        case "refused" | "restored":
            return succeeded is False
        case "completed_or_restored":
            return succeeded is not None
        case _:
            return succeeded is True
