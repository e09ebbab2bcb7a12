# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark that a test was resumed, which stands in the metadata of its test event."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time

RESUMED = "resumed"


def resumed_mark(job: str, now: float, seconds: float) -> dict[str, t.Any]:
    """Return the mark of a job that goes on with a test.

    :param seconds: for so long nobody else may take the test for abandoned.
    """
    return {
        "job": job,
        "at": utc_time(now, "seconds"),
        "until": now + seconds,
    }


def resumed_elsewhere(held: t.Mapping[str, t.Any], job: str, now: float) -> str:
    """Return in words that another job goes on with a test event; empty if none does."""
    metadata = held.get("metadata")
    mark = metadata.get(RESUMED) if isinstance(metadata, dict) else None
    if not isinstance(mark, dict) or str(mark.get("job")) == job:
        return ""
    until = mark.get("until")
    if not isinstance(until, (int, float)) or isinstance(until, bool) or until <= now:
        return ""
    return f"job {str(mark.get('job'))[:40]} goes on with it"
