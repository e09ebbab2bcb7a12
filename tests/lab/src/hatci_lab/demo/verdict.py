# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the demo ended as announced, by what SUMS holds and not by what the playbook says."""

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
    statuses = [event.get("status") for event in records["test_events"]]
    if statuses != [ending.status]:
        differences.append(f"SUMS holds the test results {statuses}, not one {ending.status}")
    ends = [deployment["state"] for deployment in records["deployments"]]
    if ends != [ending.deployment]:
        differences.append(f"SUMS holds the deployments {ends}, not one {ending.deployment}")
    if [event["fixed"] for event in records["events"]] != [True, True]:
        differences.append("SUMS does not hold two fixed events")
    if updated != ending.updated:
        differences.append("the vehicle took the update" if updated else "the vehicle still has its old software")
    if not vehicle_is_free:
        differences.append("the vehicle was not given back")
    return differences
