# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to a running simulator: its API, and the admin API of the lab."""

from __future__ import annotations

from typing import Any

import requests


class SumsClient:
    """Knows where the simulator is, and its token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self._session = requests.Session()
        self._session.trust_env = False

    def api(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        """One authorised API call, `path` below /api/v1; `options` go to requests and may replace headers."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        url = f"{self.url}/api/v1{path}"
        return self._session.request(method, url, json=body, headers=headers, timeout=30, **options)

    def requests(self) -> list[dict[str, Any]]:
        """Every API request so far, in order."""
        entries: list[dict[str, Any]] = self._lab("GET", "requests")
        return entries

    def clear_requests(self) -> None:
        self._lab("DELETE", "requests")

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """All events, deployments, test events (with history) and vehicles."""
        state: dict[str, list[dict[str, Any]]] = self._lab("GET", "state")
        return state

    def set_next_ids(self, *ids: str) -> None:
        """Give these ids to the next events, deployments and test events, in the order in which they are created."""
        self._lab("PUT", "next_ids", ids)

    def vehicle(self, vin: str) -> dict[str, Any]:
        vehicle: dict[str, Any] = self._lab("GET", f"vehicles/{vin}")
        return vehicle

    def set_vehicle(self, vin: str, **config: Any) -> dict[str, Any]:
        vehicle: dict[str, Any] = self._lab("PUT", f"vehicles/{vin}", config)
        return vehicle

    def set_deployment(self, deployment_id: str, **change: Any) -> dict[str, Any]:
        """Hold a deployment (`held`), or end it now (`state`, `reason`)."""
        deployment: dict[str, Any] = self._lab("PUT", f"deployments/{deployment_id}", change)
        return deployment

    def add_fault(self, **rule: Any) -> None:
        self._lab("POST", "faults", rule)

    def faults(self) -> list[dict[str, Any]]:
        """The armed faults with how often each fired."""
        armed: list[dict[str, Any]] = self._lab("GET", "faults")
        return armed

    def clear_faults(self) -> None:
        self._lab("DELETE", "faults")

    def reset(self) -> None:
        """Forget all records, requests and faults."""
        self._lab("POST", "reset")

    def _lab(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self.url}/_lab/{path}", json=body, timeout=30)
        if not response.ok:
            raise ValueError(f"{method} /_lab/{path}: {response.status_code} {response.text}")
        return response.json()
