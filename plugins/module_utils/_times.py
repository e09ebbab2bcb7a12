# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits in time, one way to wait longer after each try, and one way to write a time."""

from __future__ import annotations

import datetime
import time
import typing as t

Clock = t.Callable[[], float]

SAY_SECONDS = 60.0
"""At least this often a line tells that a wait goes on: for SUMS, for a device."""


def since_boot() -> float:
    """Return the seconds since the machine was started; unlike ``time.monotonic`` it counts those of a suspend."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Deadline:
    """A moment after which nothing may begin.

    :param seconds: from now.
    :param clock: seconds, never going backwards; that of the machine if it is left out.
    """

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self._clock = clock or time.monotonic
        self._at = self._clock() + seconds

    @property
    def left(self) -> float:
        """Seconds until then; 0 once it has passed."""
        return max(0.0, self._at - self._clock())

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return not self.left

    def bounded(self, seconds: float) -> float:
        """Return the seconds, or those that are left where these are fewer."""
        return min(seconds, self.left)

    def allows(self, seconds: float) -> bool:
        """Whether something can begin after so many seconds."""
        return self._clock() + seconds <= self._at


def backoff(tries: int, first: float, longest: float) -> float:
    """Return the pause in seconds after so many tries: it doubles up to a limit, and no two clients keep step."""
    import random  # only now: keepers and closers, which wait for hours, shall cost little memory

    return min(longest, first * 2.0 ** min(tries - 1, 30)) * random.uniform(0.5, 1.0)


def utc_time(seconds: float | None = None, timespec: str = "milliseconds") -> str:
    """Return a time in ISO 8601, UTC, such as 2026-03-01T12:00:07.412Z.

    :param seconds: since 1970; now if it is left out.
    """
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.UTC)
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
