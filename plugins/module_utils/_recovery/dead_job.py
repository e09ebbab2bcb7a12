# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the job that a test is of has surely ended, before another one drives the vehicle."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap import job_history
from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap, can_ask
from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import Job
from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import is_job_id
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import handed_over, resuming_job
from ansible_collections.hatci.automation.plugins.module_utils._recovery.signs_of_life import alive_at, has_lived_on
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import Story, Trace, story_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import outcome_of

ASKING_SECONDS = 180.0
EVENTS_SECONDS = 1800.0
"""For the events of a job, of which a suite of many vehicles has hundreds of thousands."""

SURELY_ENDED = frozenset({"successful", "canceled"})
"""AAP says so of a job only once its processes have ended; `error` and `failed` it says of jobs that it lost, too."""

NOT_TAKEN_OVER = "The test was not taken over."
"""Once SUMS was asked about the test event."""


@dataclasses.dataclass(frozen=True)
class Watch:
    """How a job is waited for.

    :param grace: seconds without a sign of life after which a job that is over counts as dead.
    :param now: seconds since the epoch.
    :param sleep: pauses for seconds.
    :param say: shows a line to whoever watches.
    """

    grace: float
    now: t.Callable[[], float]
    sleep: t.Callable[[float], None]
    say: t.Callable[[str], None]


def ended_job(aap: Aap, job_id: str) -> tuple[Job, Story]:
    """Return a job that AAP calls over, and what its events tell.

    :raises InputError: there is none, or it runs.
    """
    job = job_history.find_job(aap, job_id)
    if job is None:
        raise InputError(f"AAP has no job {job_id}; it deletes old ones.")
    _refuse_running(job)
    return job, _story_of(aap, job_id)


def surely_dead(aap: Aap, job: Job, story: Story, watch: Watch) -> Story:
    """Return what the events of a job tell once it has shown no sign of life for its time of grace.

    :param story: what they told before.
    :raises InputError: it lives.
    """
    lived_until = alive_at(job, story.seen_at, watch.now())
    seconds = lived_until + watch.grace - watch.now()
    if job.status in SURELY_ENDED or seconds <= 0:
        return story
    watch.say(f"Job {job.id} is {job.status} in AAP and may still live for a while; waiting {math.ceil(seconds)} s.")
    watch.sleep(seconds)
    _job, later = ended_job(aap, job.id)
    if has_lived_on(later.seen_at, lived_until, story.seen_at):
        raise InputError(f"Job {job.id} is {job.status} in AAP, but it still lives; wait until it has ended.")
    return later


def wait_for_jobs(trace: Trace, held: Record, done_with: t.Collection[str], watch: Watch) -> bool:
    """Wait until the jobs that a test event names as its own are surely dead, where AAP can be asked.

    One that AAP has deleted is. Who reported the test or handed it over has done with it.

    :param held: the test event as SUMS shows it.
    :param done_with: jobs that are not asked for.
    :returns: whether time has passed.
    :raises InputError: one of them lives.
    :raises AapError: AAP does not tell, or does not show it to the token's user.
    """
    if outcome_of(held) or not can_ask():
        return False
    first = str(held.get("ansible_job_id") or trace.job)
    asked = {first, resuming_job(held)} - {*done_with, str(handed_over(held).get("job"))}
    has_waited = False
    for job_id in sorted(filter(is_job_id, asked)):
        with Aap(ASKING_SECONDS + watch.grace, NOT_TAKEN_OVER) as aap:
            job = job_history.find_job(aap, job_id)
            if job is None:
                continue
            _refuse_running(job)
            if job.status not in SURELY_ENDED:
                story = _story_of(aap, job_id)
                has_waited |= surely_dead(aap, job, story, watch) is not story
    return has_waited


def died_taking_over(job_id: str, test_event_id: str, grace: float, now: float) -> bool:
    """Whether a job is surely dead and its events tell nothing of a test, so nobody can go on with it by that job.

    :param grace: seconds without a sign of life after which a job that is over counts as dead.
    """
    if not is_job_id(job_id) or not can_ask():
        return False
    with Aap(ASKING_SECONDS, NOT_TAKEN_OVER) as aap:
        job = job_history.find_job(aap, job_id)
        if job is None or not job.is_over:
            return False
        story = _story_of(aap, job_id)
    is_known = any(one.test_event_id == test_event_id for one in story.traces)
    return not is_known and alive_at(job, story.seen_at, now) + grace <= now


def _refuse_running(job: Job) -> None:
    if not job.is_over:
        raise InputError(f"Job {job.id} is {job.status}; cancel it first, or wait until it has ended.")


def _story_of(aap: Aap, job_id: str) -> Story:
    with aap.beside(EVENTS_SECONDS, aap.consequence):
        return story_of(job_history.results_of(aap, job_id))
