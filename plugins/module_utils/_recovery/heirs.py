# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which living job goes on with what a dead one left."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import Job

SEPARATORS = re.compile(r"[,:\s]+")


def heir_of(living: t.Iterable[Job], dead: str, test_event_id: str, host: str, hosts: t.Collection[str]) -> str:
    """Return the living job that goes on with a test; empty if none does.

    :param dead: the job that the test is of.
    :param hosts: all that this job tested.
    """
    return next((job.id for job in living if _goes_on(job, dead, test_event_id, host, hosts)), "")


def _goes_on(job: Job, dead: str, test_event_id: str, host: str, hosts: t.Collection[str]) -> bool:
    given = job.extra_variables
    if str(given.get("hatci_test_event_id") or "") == test_event_id:
        return True
    if str(given.get("ota_resume_job_id", "")) != dead:
        return False
    names = _names(given.get("ota_hosts"))
    # Anything else may be a group or a pattern, and then it is not known here which vehicles it means.
    are_hosts = bool(names) and names <= set(hosts)
    return not are_hosts or host in names


def _names(pattern: t.Any) -> set[str]:
    listed = pattern if isinstance(pattern, list) else [pattern if isinstance(pattern, str) else ""]
    return {name for one in listed for name in SEPARATORS.split(str(one)) if name}
