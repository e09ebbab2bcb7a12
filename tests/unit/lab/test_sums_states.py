# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a deployment through its states, without a clock."""

from __future__ import annotations

import pytest

from hatci_lab.sums.states import moment, plan, reached


@pytest.mark.parametrize(
    ("elapsed", "state", "progress"),
    [(0, "PENDING", 0), (1, "SCHEDULED", 0), (2, "IN_PROGRESS", 0), (6, "IN_PROGRESS", 50), (10, "COMPLETE", 100)],
)
def test_an_update_walks_to_completion(elapsed: float, state: str, progress: int) -> None:
    at = moment(plan("COMPLETE", 10), 100, elapsed)

    assert (at.state, at.progress) == (state, progress)


def test_a_completed_update_tells_when_it_began_and_ended() -> None:
    at = moment(plan("COMPLETE", 10), 100, 3600)

    assert (at.started, at.finished, at.succeeded) == (2, 10, True)


@pytest.mark.parametrize("outcome", ["FAILED", "CANCELLED"])
def test_a_bad_end_is_an_end_without_success(outcome: str) -> None:
    at = moment(plan(outcome, 10), reached(outcome), 10)

    assert (at.state, at.progress, at.finished, at.succeeded) == (outcome, 60, 10, False)


def test_a_stuck_update_never_ends() -> None:
    at = moment(plan("STUCK", 10), reached("IN_PROGRESS"), 1_000_000)

    assert (at.state, at.progress, at.started, at.finished) == ("IN_PROGRESS", 40, 2, None)


def test_a_start_time_keeps_the_update_scheduled() -> None:
    steps = plan("COMPLETE", 10, start_after=100)

    assert moment(steps, 100, 99).state == "SCHEDULED"
    assert moment(steps, 100, 100).state == "IN_PROGRESS"
    assert moment(steps, 100, 108).state == "COMPLETE"


def test_an_explicit_walk_may_go_anywhere_and_holds_its_last_state() -> None:
    steps = [("IN_PROGRESS", 1.0), ("VERIFYING_SIGNATURE", 1.0), ("PENDING", 1.0), ("completed", 0.0)]

    seen = [moment(steps, 100, second).state for second in (0, 1, 2, 3, 99)]

    assert seen == ["IN_PROGRESS", "VERIFYING_SIGNATURE", "PENDING", "completed", "completed"]
    assert moment(steps, 100, 3).succeeded


def test_an_explicit_walk_of_waiting_states_alone_divides_by_nothing() -> None:
    at = moment([("PENDING", 5.0), ("SCHEDULED", 0.0)], 0, 3)

    assert (at.state, at.progress, at.started) == ("PENDING", 0, None)
