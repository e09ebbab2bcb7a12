# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in as a child process, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import requests

from hatci_lab.child import ChildProcess


class AapProcess(ChildProcess):
    """Starts `hatci_lab.aap` and talks to it; use it in a `with` block."""

    def __init__(self, log: Path | str, token: str = "aap-token", root: str = "/api/v2") -> None:
        self._name = "the stand-in for AAP"
        self._session = requests.Session()
        self._session.trust_env = False
        self._root = root
        self.log = Path(log)
        self.token = token
        self.url = ""

    def __enter__(self) -> Self:
        self.url = self._launch("hatci_lab.aap", ["--root", self._root], {"HATCI_LAB_AAP_TOKEN": self.token})
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a credential for this platform sets."""
        return {"CONTROLLER_HOST": self.url, "CONTROLLER_OAUTH_TOKEN": self.token, "CONTROLLER_VERIFY_SSL": "true"}

    def get(self, path: str, token: str | None = None) -> requests.Response:
        """GET a path below the root of the API."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return self._session.get(f"{self.url}{self._root}{path}", headers=headers, timeout=30)

    def put_job(self, job_id: int, **change: Any) -> None:
        """Create or change a job: `name` of its template, `status`, `finished`, `extra_vars`, `artifacts`."""
        self._lab("PUT", f"jobs/{job_id}", change)

    def delete_job(self, job_id: int) -> None:
        self._lab("DELETE", f"jobs/{job_id}")

    def add_events(self, job_id: int, events: list[dict[str, Any]]) -> None:
        self._lab("POST", f"jobs/{job_id}/events", events)

    def load_events(self, job_id: int, artifacts: Path) -> int:
        """Load the events that ansible-runner wrote for a job; return how many."""
        files = [file for file in (artifacts / "job_events").glob("*.json") if "partial" not in file.name]
        events = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        self.add_events(job_id, sorted(events, key=lambda event: event["counter"]))
        return len(events)

    def put_user(self, token: str, name: str, **rights: Any) -> None:
        """Make a user: `is_superuser`, `is_system_auditor`, or the jobs it `sees`."""
        self._lab("PUT", f"users/{token}", {"name": name, **rights})

    def put_workflow(self, workflow_id: int, nodes: list[dict[str, Any]]) -> None:
        self._lab("PUT", f"workflow_jobs/{workflow_id}", nodes)

    def add_fault(self, **fault: Any) -> None:
        """Let requests fail: `kind` is `json`, `html` or `slow`; see `hatci_lab.aap.faults`."""
        self._lab("POST", "faults", fault)

    def requests(self) -> dict[str, int]:
        """How often each path was asked for."""
        counts: dict[str, int] = self._lab("GET", "requests")
        return counts

    def reset(self) -> None:
        self._lab("POST", "reset")

    def _lab(self, method: str, path: str, body: Any = None) -> Any:
        self._running()
        response = self._session.request(method, f"{self.url}/_lab/{path}", json=body, timeout=30)
        response.raise_for_status()
        return response.json()
