# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recovery found, what it did, and what it left alone."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import Job
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import Lease
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import Trace

Values = dict[str, t.Any]


@dataclasses.dataclass
class DeadJob:
    """A job that AAP calls over.

    :param traces: its tests without an outcome.
    :param alive_at: seconds since the epoch, the latest moment at which it is known to have lived.
    :param tests: all its tests.
    :param seen_at: when its last event happened, in seconds since the epoch; None without one.
    """

    job: Job
    traces: list[Trace]
    leases: list[Lease]
    alive_at: float
    tests: list[Trace]
    seen_at: float | None = None

    @property
    def has_left_something(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.traces or self.leases)

    @property
    def hosts(self) -> set[str]:
        """The vehicles that it tested."""
        return {trace.host for trace in self.tests}


@dataclasses.dataclass
class Account:
    """What a recovery did, and what it left alone."""

    closed: list[Values] = dataclasses.field(default_factory=list)
    released: list[str] = dataclasses.field(default_factory=list)
    left_alone: list[Values] = dataclasses.field(default_factory=list)
    failures: list[str] = dataclasses.field(default_factory=list)
    evidence: list[str] = dataclasses.field(default_factory=list)
    """What was made of the journals of the tests, in words."""

    settled: dict[str, str] = dataclasses.field(default_factory=dict)
    """The latest job of each test event that has its outcome."""

    def leave(self, job: str, what: str, reason: str) -> None:
        """Note what was left alone and why."""
        self.left_alone.append({"job": job, "what": what, "reason": reason})

    def settle(self, job: str, test_event_id: str) -> None:
        """Note that a test event has its outcome, so that no later recovery has to look at it."""
        self.settled[test_event_id] = max(job, self.settled.get(test_event_id, "0"), key=int)

    def as_result(self, check_mode: bool) -> Values:
        """Return it as the values of a result."""
        lines = [
            *(
                f"job {one['job']} ({one['host']}): test event {one['test_event_id']} "
                + ("would be closed unless it has its outcome" if check_mode else f"closed, {one['summary']}")
                for one in self.closed
            ),
            *self.evidence,
            *(f"lease {name} {'would be given back' if check_mode else 'given back'}" for name in self.released),
            *(f"job {one['job']}: {one['what']} left alone, {one['reason']}" for one in self.left_alone),
        ]
        return {
            "closed": self.closed,
            "released": self.released,
            "left_alone": self.left_alone,
            "settled": [{"job": job, "test_event_id": name} for name, job in self.settled.items()],
            "lines": lines or ["No job has left anything open."],
        }
