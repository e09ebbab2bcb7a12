# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the demo ended as announced, by what SUMS and the car hold and not by what the playbook says."""

from __future__ import annotations

from typing import Any

from hatci_lab.demo.endings import Ending

Records = dict[str, list[dict[str, Any]]]


def new_records(before: Records, after: Records) -> Records:
    """Return the records of one test; a lab that runs on has those of earlier ones too."""
    return {kind: records[len(before[kind]) :] for kind, records in after.items()}


def judge(records: Records, returncode: int, *, ending: Ending, updated: bool, vehicle_is_free: bool) -> list[str]:
    """Return where the test differs from what was announced."""
    differences = []
    if returncode != ending.returncode:
        differences.append(f"ansible-playbook ended with exit code {returncode}, not {ending.returncode}")
    results = [(event.get("status"), event.get("metadata", {}).get("outcome")) for event in records["test_events"]]
    if results != [(ending.status, ending.outcome)]:
        told, announced = _listed([_result(*found) for found in results]), _result(ending.status, ending.outcome)
        differences.append(f"the test results in SUMS are: {told}, and not one {announced}")
    ends = [deployment["state"] for deployment in records["deployments"]]
    expected = [ending.deployment] if ending.deployment else []
    if ends != expected:
        differences.append(f"the deployments in SUMS are: {_listed(ends)}, and not: {_listed(expected)}")
    fixed = [event["fixed"] for event in records["events"]]
    if fixed != [True, True] * len(expected):
        announced = "two fixed events" if expected else "no event"
        differences.append(f"SUMS holds {len(fixed)} events, {sum(fixed)} of them fixed, and not {announced}")
    if updated != ending.updated:
        differences.append("the vehicle took the update" if updated else "the vehicle still has its old software")
    if not vehicle_is_free:
        differences.append("the vehicle was not given back")
    return differences


def _result(status: str | None, outcome: str | None) -> str:
    return str(status) if outcome in (status, None) else f"{status} ({outcome})"


def _listed(words: list[str]) -> str:
    return ", ".join(words) or "none"
