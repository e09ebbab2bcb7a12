# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which job runs this play."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._job import job_id_of_environment

UNSET_HOST = "https://platformhost"
"""What AWX_HOST is where nobody has set the base URL of the service."""


@dataclasses.dataclass(frozen=True)
class Job:
    """The job of AAP, Jenkins or whatever else runs this play.

    :param id: empty if it is none.
    :param url: where AAP shows it, empty if that is not known.
    :param revision: git revision of the playbooks, empty if that is not known.
    """

    id: str
    url: str
    revision: str


def job_of(variables: t.Mapping[str, t.Any]) -> Job:
    """Return the job that the variables of a play and the environment tell of."""
    platform_id = str(variables.get("awx_job_id") or variables.get("tower_job_id") or "")
    revision = os.environ.get("GIT_SHA") or variables.get("awx_project_revision")
    return Job(
        id=platform_id or job_id_of_environment(),
        url=_url_of(platform_id),
        revision=str(revision or variables.get("tower_project_revision") or ""),
    )


def _url_of(platform_id: str) -> str:
    base = os.environ.get("AWX_HOST", "").rstrip("/")
    if not platform_id or base in ("", UNSET_HOST):
        return ""
    return f"{base}/execution/jobs/playbook/{platform_id}/output"
