# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when a job is known to have lived, since one that AAP calls over may live on for a while."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import Job
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError


def alive_at(job: Job, seen_at: float | None, now: float) -> float:
    """Return the latest moment at which a job is known to have lived, in seconds since the epoch.

    What its clocks place in the future was not later than now.

    :param seen_at: when its last event happened; None if it has none.
    :param now: counts as its end where AAP does not tell when it ended.
    """
    ended = now if job.finished is None else job.finished
    return min(now, ended if seen_at is None else max(ended, seen_at))


def has_lived_on(seen_at: float | None, since: float, known: float | None) -> bool:
    """Whether a job's last event tells that it lived after a moment.

    :param seen_at: when that event happened, in seconds since the epoch; None without one.
    :param since: the moment.
    :param known: when the event happened that was the last one then, maybe by a clock that is ahead; None without one.
    """
    return seen_at is not None and seen_at > since and (known is None or seen_at > known)


def check_grace(options: t.Mapping[str, t.Any]) -> None:
    """Refuse a time of grace that cannot be meant.

    :raises InputError: it is below 0 or beyond an hour.
    """
    if not 0 <= options["grace_seconds"] <= 3600:
        raise InputError(f"grace_seconds is {options['grace_seconds']:g}; give seconds, 0 or more and at most 3600.")
