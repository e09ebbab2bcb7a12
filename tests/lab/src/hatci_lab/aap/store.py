# SPDX-License-Identifier: GPL-3.0-or-later
"""What the platform holds: users by their tokens, jobs with their events, workflows with their nodes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

MOST_CHARACTERS = 700_000
"""A result of a task that is longer is not kept."""

Record = dict[str, Any]


@dataclass
class User:
    """Whose token it is. Whoever is neither superuser nor auditor sees the jobs named in `sees` only."""

    name: str
    is_superuser: bool = False
    is_system_auditor: bool = False
    sees: list[int] = field(default_factory=list)

    def may_see(self, job: int) -> bool:
        return self.is_superuser or self.is_system_auditor or job in self.sees


class Store:
    """Everything, in memory."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.clear()

    def clear(self) -> None:
        """Forget everything but the auditor whose token the lab was started with."""
        self.users = {self._token: User("auditor", is_system_auditor=True)}
        self.jobs: dict[int, Record] = {}
        self.events: dict[int, list[Record]] = {}
        self.nodes: dict[int, list[Record]] = {}

    def put_job(self, job_id: int, change: Record) -> Record:
        """Create or change a job; artifacts are kept of one that ended by itself only."""
        new = {"id": job_id, "type": "job", "status": "running", "name": "", "finished": None, "artifacts": {}}
        new |= {"playbook": "playbooks/ota_single_vehicle.yml", "job_type": "run"}
        job = {**self.jobs.get(job_id, {**new, "extra_vars": "{}", "job_explanation": ""}), **change}
        if isinstance(job["extra_vars"], dict):
            job["extra_vars"] = json.dumps(job["extra_vars"])
        if job["status"] in ("canceled", "error") or job["job_explanation"]:
            job["artifacts"] = {}
        self.jobs[job_id] = job
        self.events.setdefault(job_id, [])
        return job

    def add_events(self, job_id: int, events: list[Record]) -> None:
        """Keep events as ansible-runner writes them; a result that is too long becomes an empty one."""
        held = self.events.setdefault(job_id, [])
        for given in events:
            data = dict(given.get("event_data") or {})
            if "res" in data and len(json.dumps(data["res"])) > MOST_CHARACTERS:
                data["res"] = {}
            number = len(held) + 1
            held.append({"id": job_id * 100_000 + number, "counter": number, **given, "event_data": data})

    def delete_job(self, job_id: int) -> None:
        """What the clean-up of the platform does with old jobs."""
        self.jobs.pop(job_id, None)
        self.events.pop(job_id, None)
