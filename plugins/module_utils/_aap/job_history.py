# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of Ansible Automation Platform that are over, and the events that they left."""

from __future__ import annotations

import dataclasses
import datetime
import json
import typing as t
from urllib.parse import quote

from ansible_collections.hatci.automation.plugins.module_utils._aap.api import (
    BAD_FILTER,
    Aap,
    AapError,
    RequestFailed,
)
from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import NOT_OVER, is_job_id

DEAD = "canceled,failed,error"
OVER = frozenset({"canceled", "failed", "error", "successful"})
BEGUN = "runner_on_start"
RESULTS = ("runner_on_ok", "runner_on_failed", BEGUN)
"""The events that hold what a task returned, and those that tell that it began."""
COLLECTIONS = ("hatci.automation.", "jumpstarter.jumpstarter.")
"""This collection, and the one under whose names its modules can be called, too."""
OURS = ("hatci_", "jumpstarter_")
"""How the modules of this collection begin."""
NAMES = ("resolved_action", "task_action")
"""Where an event tells which module its task ran: what it was found to be, and as the play names it."""
MOST_EVENT_PAGES = 50_000
"""Of 200 events, about a hundred for each test; before that a job's events are bounded by time."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A job.

    :param finished: seconds since the epoch, None if AAP does not tell.
    :param extra_variables: with which it was launched.
    """

    id: str
    template: str
    status: str
    finished: float | None
    extra_variables: dict[str, t.Any]

    @property
    def is_over(self) -> bool:
        """Whether AAP calls it over; it may still live."""
        return self.status in OVER

    @classmethod
    def read(cls, entry: t.Any) -> Job | None:
        """Return the job that an entry shows; None if it shows none."""
        if not isinstance(entry, dict) or not is_job_id(str(entry.get("id"))):
            return None
        return cls(
            id=str(entry["id"]),
            template=str(entry.get("name") or ""),
            status=str(entry.get("status") or ""),
            finished=seconds_of(entry.get("finished")),
            extra_variables=_mapping_of(entry.get("extra_vars")),
        )


def find_dead_jobs(aap: Aap, templates: t.Sequence[str], since: float) -> list[Job]:
    """Return the jobs of templates that ran in earnest and ended without success.

    :param since: seconds since the epoch; jobs that ended earlier are left out.
    :raises AapError: the list is not known for sure.
    """
    entries = _entries(aap, f"jobs/?status__in={DEAD}&{_ended_since(templates, since)}")
    return [job for entry in entries if _ran(entry) and (job := Job.read(entry))]


def find_jobs_of_playbook(
    aap: Aap, templates: t.Sequence[str], since: float, playbook: str, statuses: str
) -> list[Job]:
    """Return the jobs of templates that ran a playbook, in earnest, to an end.

    :param templates: names of job templates; empty for all.
    :param since: seconds since the epoch; jobs that ended earlier are left out.
    :param playbook: the name of its file.
    :param statuses: with commas between them.
    :raises AapError: the list is not known for sure.
    """
    ended = f"status__in={statuses}&{_ended_since(templates, since)}"
    try:
        entries = _entries(aap, f"jobs/?{ended}&playbook__endswith={playbook}&job_type=run")
    except RequestFailed as error:
        if error.details.get("status") != BAD_FILTER:
            raise
        entries = _entries(aap, f"jobs/?{ended}")
    found = [entry for entry in entries if _ran(entry, playbook)]
    return [job for entry in found if (job := Job.read(entry))]


def _ran(entry: t.Any, playbook: str = "") -> bool:
    """Whether a job ran in earnest, and this playbook if one is given."""
    told = entry if isinstance(entry, dict) else {}
    return str(told.get("playbook") or "").endswith(playbook) and told.get("job_type") in (None, "run")


def _ended_since(templates: t.Sequence[str], since: float) -> str:
    moment = datetime.datetime.fromtimestamp(since, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    of_templates = f"job_template__name__in={quote(','.join(templates))}&" if templates else ""
    return f"{of_templates}finished__gt={moment}&page_size=200"


def find_living_jobs(aap: Aap) -> list[Job]:
    """Return the jobs that are not over.

    :raises AapError: the list is not known for sure; one that is overlooked would lose its device.
    """
    living = []
    for entry in _entries(aap, f"jobs/?status__in={NOT_OVER}&page_size=200"):
        job = Job.read(entry)
        if job is None:
            raise AapError(f"{aap.host} answered without a list of jobs. {aap.consequence}")
        if "extra_vars" not in entry:  # some versions leave them out of lists
            job = find_job(aap, job.id)
        living += [job] if job else []
    return living


def find_job(aap: Aap, job_id: str) -> Job | None:
    """Return one job; None if AAP has none of this id.

    :raises AapError: AAP does not tell.
    """
    answer = aap.get(f"{aap.root}jobs/{job_id}/")
    if answer is None:
        return None
    job = Job.read(answer)
    if job is None or job.id != job_id:
        raise AapError(f"{aap.host} answered about something else than job {job_id}. {aap.consequence}")
    return job


def results_of(aap: Aap, job_id: str, module: str = "") -> t.Iterator[dict[str, t.Any]]:
    """Yield the events of a job that tell what its tasks returned, in their order; none if AAP has no such job.

    Of tasks that are not of this collection the results are left out. A job of many vehicles has hundreds of thousands.

    :param module: only events in which this name stands.
    :raises AapError: they are not known for sure.
    """
    only = f"&event_data__contains={module}" if module else ""
    path = f"jobs/{job_id}/job_events/?event__in={','.join(RESULTS)}{only}&order_by=counter&page_size=200"
    for page in aap.pages(path, "job events", may_be_missing=True, most=MOST_EVENT_PAGES):
        yield from (_in_short(event) for event in page if isinstance(event, dict))


def module_of(data: dict[str, t.Any]) -> str:
    """Return the module of this collection that a task ran, without the collection's name; empty if it ran another.

    :param data: the data of an event of the task.
    """
    for action in (data.get(name) for name in NAMES):
        collection = next((one for one in COLLECTIONS if str(action).startswith(one)), "")
        module = str(action).removeprefix(collection)
        if module.startswith(OURS):
            return module
    return ""


def _in_short(event: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return of an event what is used."""
    data = event.get("event_data")
    data = data if isinstance(data, dict) else {}
    names = ("host", *NAMES, "res") if module_of(data) else ("host", *NAMES)
    known = {name: data[name] for name in names if name in data}
    return {**{name: event.get(name) for name in ("event", "counter", "created")}, "event_data": known}


def seconds_of(moment: t.Any) -> float | None:
    """Return a time of AAP in seconds since the epoch; None if it is none."""
    try:
        found = datetime.datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


def _entries(aap: Aap, path: str) -> list[t.Any]:
    return aap.whole_list(path, "jobs")


def _mapping_of(text: t.Any) -> dict[str, t.Any]:
    """Return extra variables, which AAP shows as JSON in text."""
    if isinstance(text, str):
        try:
            text = json.loads(text)
        except (ValueError, RecursionError):
            return {}
    return text if isinstance(text, dict) else {}
