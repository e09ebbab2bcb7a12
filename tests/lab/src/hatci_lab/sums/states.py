# SPDX-License-Identifier: GPL-3.0-or-later
"""How a deployment moves through its states as time passes. Pure functions of the elapsed time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["COMPLETE", "FAILED", "CANCELLED", "STUCK"]
Step = tuple[str, float]

SUCCESS = frozenset({"COMPLETE", "COMPLETED", "SUCCESS"})
FAILURE = frozenset({"FAILED", "ERROR", "CANCELLED"})
WAITING = frozenset({"PENDING", "SCHEDULED"})

REASONS: dict[str, str] = {
    "FAILED": "ECU Gateway rejected the image: signature mismatch",
    "CANCELLED": "the deployment was cancelled by the back office",
}


@dataclass(frozen=True)
class Moment:
    """Where a deployment stands: its state, its progress in percent, and since when (seconds after creation)."""

    state: str
    progress: int
    started: float | None
    finished: float | None

    @property
    def succeeded(self) -> bool:
        return self.finished is not None and self.state.upper() in SUCCESS


def plan(outcome: Outcome, update_seconds: float, start_after: float = 0.0) -> list[Step]:
    """The usual walk: a tenth of the time each in PENDING and SCHEDULED, the rest in IN_PROGRESS.

    `start_after` (seconds) keeps it in SCHEDULED until a start time that was asked for. The last
    step holds for ever.
    """
    tenth = update_seconds / 10
    last = "IN_PROGRESS" if outcome == "STUCK" else outcome
    return [
        ("PENDING", tenth),
        ("SCHEDULED", max(tenth, start_after - tenth)),
        ("IN_PROGRESS", update_seconds - 2 * tenth),
        (last, 0.0),
    ]


def moment(steps: Sequence[Step], progress: int, elapsed: float) -> Moment:
    """Where a walk through `steps` stands after `elapsed` seconds; `progress` is its last one in percent."""
    begin, active_before, started = 0.0, 0.0, None
    active_total = sum(seconds for state, seconds in steps[:-1] if state.upper() not in WAITING)
    for state, seconds in steps[:-1]:
        active = state.upper() not in WAITING
        if active and started is None:
            started = begin
        if elapsed < begin + seconds:
            done = (active_before + elapsed - begin) / active_total if active else active_before / (active_total or 1.0)
            return Moment(state, int(progress * done), started, None)
        begin += seconds
        active_before += seconds if active else 0.0
    state = steps[-1][0]
    if started is None and state.upper() not in WAITING:
        started = begin
    return Moment(state, progress, started, begin if ends(steps) else None)


def reached(last: str) -> int:
    """The progress in percent that a walk has made when it enters its last state."""
    if last.upper() in SUCCESS:
        return 100
    return 60 if last.upper() in FAILURE else 40


def just_before_the_end(steps: Sequence[Step], progress: int) -> Moment:
    """Where a walk stands that waits to be told its end."""
    begin = ends_after(steps)
    active = [seconds for state, seconds in steps[:-1] if state.upper() not in WAITING]
    started = begin - sum(active) if active else None
    return Moment(steps[-2][0] if len(steps) > 1 else "PENDING", max(0, min(progress, 99)), started, None)


def ends(steps: Sequence[Step]) -> bool:
    """Whether a walk ever ends; one whose last state is not final stands still there."""
    return steps[-1][0].upper() in SUCCESS | FAILURE


def ends_after(steps: Sequence[Step]) -> float:
    """Seconds after which the last step is entered."""
    return sum(seconds for _unused, seconds in steps[:-1])
