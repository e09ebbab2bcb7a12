# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which jobs Ansible Automation Platform runs now."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import Aap, AapError, can_ask

__all__ = ["AapError", "ask_running_jobs", "can_ask", "is_job_id"]

NOT_OVER = "new,pending,waiting,running"
WHOLE_TIMEOUT = 180.0
"""Seconds for all pages together."""

RETRY_SECONDS = 15.0
"""Not long, since this runs after other plays and again with each schedule."""


def ask_running_jobs() -> set[str]:
    """Return the ids of all jobs that are not over.

    :raises AapError: the answer is not known for sure.
    """
    with Aap(WHOLE_TIMEOUT, "No lease was released.", RETRY_SECONDS) as aap:
        running = _ids_of(aap.whole_list(f"unified_jobs/?status__in={NOT_OVER}&page_size=200", "jobs"), aap)
        sees_everything = None
        with contextlib.suppress(AapError):
            sees_everything = aap.sees_everything()
        # To a user who sees no job, every job is over: the list is empty, and AAP does not say why.
        if sees_everything is False:
            raise aap.refuse_weak_token()
        return running


def _ids_of(jobs: t.Sequence[t.Any], aap: Aap) -> set[str]:
    """Return the ids of jobs; a job that is overlooked would lose its device.

    :raises AapError: one has none.
    """
    ids = {str(job.get("id")) if isinstance(job, dict) else "" for job in jobs}
    if not all(is_job_id(job) for job in ids):
        raise AapError(f"{aap.host} answered without a list of jobs; no lease was released.")
    return ids


def is_job_id(text: str) -> bool:
    """Whether text can be the id of a job of AAP."""
    return text.isascii() and text.isdecimal()
