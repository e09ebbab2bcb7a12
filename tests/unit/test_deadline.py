# SPDX-License-Identifier: GPL-3.0-or-later
"""Deadlines and pauses, in fake time."""

from __future__ import annotations

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, backoff


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_deadline_counts_down_to_nothing() -> None:
    clock = Clock()
    deadline = Deadline(10, clock)
    assert (deadline.left, deadline.expired, deadline.bounded(3), deadline.bounded(30)) == (10, False, 3, 10)

    clock.now += 9
    assert (deadline.left, deadline.expired, deadline.bounded(3)) == (1, False, 1)

    for seconds in (1, 5):
        clock.now += seconds
        assert (deadline.left, deadline.expired, deadline.bounded(3)) == (0, True, 0)


def test_what_a_deadline_allows_begins_by_then() -> None:
    clock = Clock()
    deadline = Deadline(10, clock)
    assert deadline.allows(10) and not deadline.allows(10.001)

    clock.now += 11
    assert not deadline.allows(0)


@pytest.mark.parametrize(("tries", "longest"), [(1, 0.5), (2, 1), (3, 2), (6, 15), (100000, 15)])
def test_pauses_double_up_to_a_limit_and_differ(tries: int, longest: float) -> None:
    pauses = [backoff(tries, 0.5, 15) for _unused in range(50)]

    assert all(longest / 2 <= pause <= longest for pause in pauses)
    assert len(set(pauses)) > 40
