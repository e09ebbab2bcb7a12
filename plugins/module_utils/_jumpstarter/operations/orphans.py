# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_orphans: leases that no job needs any more."""

from __future__ import annotations

import re
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap import jobs as aap_jobs
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import controller_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import HELD, PENDING, Lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import HOST_TAG, JOB_TAG
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import LEASE_PREFIX

Result = dict[str, t.Any]

SHOWN = 5
"""Of many failures, so many are told."""


def release_orphans(options: t.Mapping[str, t.Any], check_mode: bool) -> Result:
    """Release the leases that this collection made and that no job needs any more.

    :returns: ``changed``, ``orphans``, ``released`` and ``others``.
    :raises ReleaseFailed: one that should have been released was not.
    :raises JumpstarterError: the leases could not be listed; nothing was released.
    :raises AapError: the running jobs could not be listed; nothing was released.
    """
    if not (options["max_age"] > 0 and options["min_age"] >= 0):
        raise errors.InputError("max_age must be more than 0 seconds and min_age at least 0.")
    controller = controller_of(options, Caller.from_options(options).owner)
    mine = {lease.name for lease in controller.own_leases()}
    leases = [lease for lease in controller.all_leases() if is_ours(lease)]
    # Only now: a job that began after this list has no lease in the list above.
    running = _running(options)
    orphans: list[Result] = []
    others: list[Result] = []
    released, failures = [], []
    for lease in leases:
        reason = why_orphaned(lease, running, options["max_age"], options["min_age"])
        if not reason:
            continue
        shown = _shown(lease, reason)
        (orphans if lease.name in mine else others).append(shown)
        if check_mode or lease.name not in mine:
            continue
        try:
            again = controller.find(lease.name)
            is_same = again and is_ours(again) and (again.client, again.tags) == (lease.client, lease.tags)
            if is_same and controller.delete(lease.name):
                released.append(lease.name)
        except errors.JumpstarterError as error:
            failures.append(f"{lease.name}: {error.message}")
    result = {"orphans": orphans, "others": others, "released": released}
    if failures:
        raise errors.ReleaseFailed(
            f"{len(failures)} of {len(orphans)} orphaned leases could not be released: {'; '.join(failures[:SHOWN])}",
            changed=bool(released),
            **result,
        )
    return {"changed": bool(orphans if check_mode else released), **result}


def is_ours(lease: Lease) -> bool:
    """Whether a lease that is not over was made by this collection."""
    made_here = JOB_TAG in lease.tags or lease.name.startswith(LEASE_PREFIX)
    return made_here and lease.state in (HELD, PENDING)


def job_of(lease: Lease) -> str:
    """Return the id of the job of AAP that made a lease; empty if it can't be told."""
    job = lease.tags.get(JOB_TAG, "")
    if not job:  # jmp 0.8 has no tags, but the name begins with the job
        found = re.match(rf"{LEASE_PREFIX}([0-9]+)-", lease.name)
        job = found.group(1) if found else ""
    return job if aap_jobs.is_job_id(job) else ""


def why_orphaned(lease: Lease, running: set[str] | None, max_age: float, min_age: float) -> str:
    """Return in words why a lease is an orphan; empty if it is none, or if that can't be told."""
    age = age_of(lease)
    if age is None:
        return ""
    if age > max_age:
        return f"older than {max_age:g} s"
    job = job_of(lease)
    if running is not None and job and job not in running and age >= min_age:
        return f"job {job} is over"
    return ""


def age_of(lease: Lease) -> float | None:
    """Return for how many seconds a lease is held or waits, None if it does not tell."""
    if lease.began:
        return max(0.0, time.time() - lease.began.timestamp())
    return max(0.0, time.time() - lease.asked) if lease.asked else None


def _running(options: t.Mapping[str, t.Any]) -> set[str] | None:
    if options["running_jobs"] is not None:
        ids = {job.strip() for job in options["running_jobs"]}
        odd = next((job for job in ids if not aap_jobs.is_job_id(job)), None)
        if odd is not None:
            raise errors.InputError(
                f"running_jobs has {odd!r:.60}, which is not a valid job id; no lease was released."
            )
        return ids
    return aap_jobs.ask_running_jobs() if aap_jobs.can_ask() else None


def _shown(lease: Lease, reason: str) -> Result:
    return {
        "lease_name": lease.name,
        "exporter": lease.exporter,
        "client": lease.client,
        "job": lease.tags.get(JOB_TAG, job_of(lease)),
        "host": lease.tags.get(HOST_TAG, ""),
        "age": round(age_of(lease) or 0.0),
        "reason": reason,
    }
