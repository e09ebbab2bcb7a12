# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests of dead jobs have their outcome, as earlier recoveries found, so that nothing is sent to them again."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap, AapError
from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import (
    DEAD,
    find_jobs_of_playbook,
    results_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import is_job_id
from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import steps_of_events

RECOVER, MODULE = "ota_recover.yml", "hatci_recover"

MOST_RECOVERIES = 20
"""The events of so many are read; each tells again what it had from those before it."""


def settled_tests(aap: Aap, since: float, wanted: t.Collection[str]) -> dict[str, str]:
    """Return the latest job of each test event that has its outcome.

    :param since: seconds since the epoch; what recoveries that ended earlier tell is left out.
    :param wanted: test events; once all of them are found no more recoveries are asked for.
    :raises AapError: the list of recoveries is not known for sure.
    """
    settled: dict[str, str] = {}
    recoveries = find_jobs_of_playbook(aap, (), since, RECOVER, f"successful,{DEAD}")
    for job in sorted(recoveries, key=lambda one: int(one.id), reverse=True)[:MOST_RECOVERIES]:
        if settled.keys() >= set(wanted):
            break
        with contextlib.suppress(AapError):  # then the one before it tells
            for test_event_id, of_job in _told_by(aap, job.id):
                settled[test_event_id] = max(of_job, settled.get(test_event_id, "0"), key=int)
    return settled


def _told_by(aap: Aap, recovery: str) -> list[tuple[str, str]]:
    """Return the test events that a recovery calls settled, each with the job that left it.

    :raises AapError: its events are not known for sure.
    """
    steps = [step for step in steps_of_events(results_of(aap, recovery, MODULE)) if step.module == MODULE]
    entries = [entry for step in steps for entry in _listed((step.result or {}).get("settled"))]
    told = [(str(entry.get("test_event_id") or ""), str(entry.get("job"))) for entry in entries]
    return [(test_event_id, job) for test_event_id, job in told if test_event_id and is_job_id(job)]


def _listed(entries: t.Any) -> list[dict[str, t.Any]]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
