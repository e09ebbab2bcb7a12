# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the demo ended as announced, by what SUMS holds and not by what the playbook says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SUCCEEDED, FAILED = 0, 2
"""Exit codes of ansible-playbook."""


@dataclass(frozen=True)
class Verdict:
    """What was seen, and where it differs from what was announced."""

    returncode: int
    differences: list[str]

    @property
    def as_announced(self) -> bool:
        return not self.differences


def judge(
    state: dict[str, list[dict[str, Any]]], returncode: int, *, fail: bool, updated: bool, vehicle_is_free: bool
) -> Verdict:
    """Compare the records of SUMS with what the demo announced."""
    status, outcome, code = ("FAIL", "FAILED", FAILED) if fail else ("PASS", "COMPLETE", SUCCEEDED)
    differences = []
    if returncode != code:
        differences.append(f"ansible-playbook ended with exit code {returncode}, not {code}")
    statuses = [event.get("status") for event in state["test_events"]]
    if statuses != [status]:
        differences.append(f"SUMS holds the test results {statuses}, not one {status}")
    ends = [deployment["state"] for deployment in state["deployments"]]
    if ends != [outcome]:
        differences.append(f"SUMS holds the deployments {ends}, not one {outcome}")
    if [event["fixed"] for event in state["events"]] != [True, True]:
        differences.append("SUMS does not hold two fixed events")
    if updated == fail:
        differences.append("the vehicle took the update" if updated else "the vehicle still has its old software")
    if not vehicle_is_free:
        differences.append("the vehicle was not given back")
    return Verdict(returncode, differences)
