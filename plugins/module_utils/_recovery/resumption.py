# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks that a test was handed over or resumed, which stand in the metadata of its test event."""

from __future__ import annotations

import secrets
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.marks import (
    RECOVERING,
    RECOVERING_SECONDS,
    RESUMED,
    is_later,
    is_recovering,
    mark_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import NO_JOB, outcome_of
from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time

HANDED_OVER = "handed_over"

OTHERS_SECONDS = 1.0
"""For so long another one may mark the same test without having seen our mark."""

RUNNING_SECONDS = 86400.0
"""For so long after its time a test that was handed over is left open while its deployment runs."""


def resumed_mark(job: str, now: float, seconds: float) -> dict[str, t.Any]:
    """Return the mark of a job that goes on with a test.

    :param seconds: for so long nobody else may take the test for abandoned.
    """
    return {**_mark(job, now, seconds), "by": secrets.token_hex(4)}


def recovery_mark(now: float) -> dict[str, t.Any]:
    """Return the mark of a recovery that is about to close a test event."""
    return {
        "at": utc_time(now, "seconds"),
        "until": now + RECOVERING_SECONDS,
        "by": secrets.token_hex(4),
    }


def is_lost(held: t.Mapping[str, t.Any], name: str, mark: t.Mapping[str, t.Any]) -> bool:
    """Whether somebody else has written to a test event since it got a mark, as far as SUMS shows its metadata."""
    return isinstance(held.get("metadata"), dict) and mark_of(held, name).get("by") != mark["by"]


def recovered_elsewhere(held: t.Mapping[str, t.Any], mark: t.Mapping[str, t.Any], now: float) -> str:
    """Return in words that another recovery is about to close an open test event; empty if none is.

    :param mark: one's own; empty without one.
    """
    is_own = mark_of(held, RECOVERING).get("by") == mark.get("by")
    is_other = not outcome_of(held) and is_recovering(held, now) and not is_own
    return "another recovery decides about it now" if is_other else ""


def resumed_elsewhere(held: t.Mapping[str, t.Any], others: t.Collection[str], now: float) -> str:
    """Return in words that another job goes on with a test event; empty if none does.

    A report takes the time away from the mark, so a mark that still has one is of a job that has not reported.

    :param others: jobs whose mark keeps nobody away: one's own, and those that have surely ended.
    """
    mark = mark_of(held, RESUMED)
    other, until = str(mark.get("job")), mark.get("until")
    if not is_later(until, now) or (other in others and other != NO_JOB):
        return ""
    if other == NO_JOB:
        return f"a run without a job goes on with it, at most until {utc_time(t.cast('float', until), 'seconds')}"
    return f"job {other[:40]} goes on with it"


def resuming_job(held: t.Mapping[str, t.Any]) -> str:
    """Return the job that went on with a test event last; empty if none did."""
    return str(mark_of(held, RESUMED).get("job") or "")


def handover_mark(job: str, now: float, seconds: float, known: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the mark of a job that left a test to another one.

    :param seconds: for so long nobody may take the test for abandoned.
    :param known: what the second half is to know.
    """
    return {**_mark(job, now, seconds), **known}


def handed_over(held: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the mark of a test event that was handed over; empty if it was not."""
    return mark_of(held, HANDED_OVER)


def is_taken_up(held: t.Mapping[str, t.Any]) -> bool:
    """Whether some job went on with a test event."""
    return bool(mark_of(held, RESUMED))


def waits_for_heir(mark: t.Mapping[str, t.Any], now: float) -> str:
    """Return in words that a test was handed over and somebody is still to take it up; empty if nobody is."""
    until = mark.get("until")
    if not is_later(until, now):
        return ""
    return f"it was handed over, and ota_resume may take it up until {utc_time(t.cast('float', until), 'seconds')}"


def waits_for_deployment(mark: t.Mapping[str, t.Any], now: float) -> str:
    """Return in words how long a test that nobody took up is left open while its update runs; empty if no longer."""
    until = mark.get("until")
    last = until + RUNNING_SECONDS if isinstance(until, (int, float)) and not isinstance(until, bool) else None
    if not is_later(last, now):
        return ""
    return (
        f"its update may still go on, so ota_resume may take it up until {utc_time(t.cast('float', last), 'seconds')}"
    )


def _mark(job: str, now: float, seconds: float) -> dict[str, t.Any]:
    return {"job": job, "at": utc_time(now, "seconds"), "until": now + seconds}
