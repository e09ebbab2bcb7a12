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

    :param seen_at: when its last event happened; None if it has none.
    :param now: counts as its end where AAP does not tell when it ended.
    """
    ended = now if job.finished is None else job.finished
    return ended if seen_at is None else max(ended, seen_at)


def check_grace(options: t.Mapping[str, t.Any]) -> None:
    """Refuse a time of grace that cannot be meant.

    :raises InputError: it is below 0 or beyond an hour.
    """
    if not 0 <= options["grace_seconds"] <= 3600:
        raise InputError(f"grace_seconds is {options['grace_seconds']:g}; give seconds, 0 or more and at most 3600.")
