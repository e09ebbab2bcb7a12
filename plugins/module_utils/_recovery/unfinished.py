# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs that ended well may leave open: a test that was handed over, or one whose failure a fleet allows."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap
from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import (
    DEAD,
    Job,
    find_jobs_of_playbook,
    results_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._recovery.handover import LONGEST_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import RUNNING_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import (
    Trace,
    steps_of_events,
    story_of,
)

SUCCESSFUL = "successful"
BEGIN, FLEET, RESUME = "ota_begin.yml", "ota_fleet.yml", "ota_resume.yml"

LOOKED_AT_SECONDS = 2 * RUNNING_SECONDS
"""For so long after its time a test that was handed over is looked at, its deployment may run for half of that."""

Templates = t.Sequence[str]


def find_fleets(aap: Aap, templates: Templates, since: float) -> list[Job]:
    """Return the jobs of fleets that count as successful; a vehicle that may fail may have no outcome.

    :param since: seconds since the epoch.
    :raises AapError: they are not known for sure.
    """
    return find_jobs_of_playbook(aap, templates, since, FLEET, SUCCESSFUL)


def has_unreported(aap: Aap, job: Job) -> bool:
    """Whether a job has made a test event without reporting its outcome.

    :raises AapError: it is not known for sure.
    """
    traces = story_of(results_of(aap, job.id, "hatci_test_event")).traces
    return any(not trace.is_reported for trace in traces)


def find_handovers(aap: Aap, templates: Templates, now: float) -> list[Job]:
    """Return the jobs that may have handed tests over for which nobody has to wait any more.

    :param now: seconds since the epoch.
    :raises AapError: they are not known for sure.
    """
    since = now - LONGEST_SECONDS - LOOKED_AT_SECONDS
    return find_jobs_of_playbook(aap, templates, since, BEGIN, f"{SUCCESSFUL},{DEAD}")


def due_handovers(aap: Aap, job: Job, now: float) -> list[Trace]:
    """Return the tests that a job handed over and that nobody took up in their time.

    :raises AapError: they are not known for sure.
    """
    handed = list(results_of(aap, job.id, "hatci_handover"))
    if not any(_is_due(step.result or {}, now) for step in steps_of_events(handed)):
        return []
    made = results_of(aap, job.id, "hatci_test_event")
    both = {event["counter"]: event for event in (*made, *handed)}
    traces = story_of(both[counter] for counter in sorted(both)).traces
    return [trace for trace in traces if not trace.is_reported and _is_due({"handed_over": trace.handed_over}, now)]


def finished_tests(aap: Aap, templates: Templates, since: float) -> set[str]:
    """Return the test events that jobs went on with and gave their outcome, as far as these were given their ids.

    :param since: seconds since the epoch.
    :raises AapError: they are not known for sure.
    """
    jobs = find_jobs_of_playbook(aap, templates, since, RESUME, SUCCESSFUL)
    return {str(job.extra_variables.get("hatci_test_event_id") or "") for job in jobs}


def _is_due(result: t.Mapping[str, t.Any], now: float) -> bool:
    mark = result.get("handed_over")
    until = mark.get("until") if isinstance(mark, dict) else None
    is_time = isinstance(until, (int, float)) and not isinstance(until, bool)
    return is_time and t.cast("float", until) <= now < t.cast("float", until) + LOOKED_AT_SECONDS
