# SPDX-License-Identifier: GPL-3.0-or-later
"""How a car talks to the SUMS simulator: what is there for it, and what became of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests
from pydantic import BaseModel, ConfigDict, TypeAdapter

from hatci_lab.sums.models import Ecu

TIMEOUT = (2.0, 5.0)


class Deployment(BaseModel):
    """An open one. `due`: it is time to end it, as `ends` says."""

    model_config = ConfigDict(extra="ignore")

    deployment_id: str
    state: str
    progress: int
    ecus: list[Ecu]
    held: bool
    due: bool
    ends: str
    planned_reason: str | None


_DEPLOYMENTS = TypeAdapter(list[Deployment])


class UpdateServer:
    """Every call raises requests.RequestException when SUMS is away or refuses."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/_lab"
        self._session = requests.Session()
        self._session.trust_env = False

    def deployments(self, vin: str) -> list[Deployment]:
        """What waits for this car, oldest first; SUMS learns that the car says itself how they end."""
        vehicle = f"/vehicles/{quote(vin, safe='')}"
        answer = self._call("GET", f"{vehicle}/deployments")
        if not answer["reports"]:
            self._call("PUT", vehicle, {"reports": True})
        return _DEPLOYMENTS.validate_python(answer["deployments"])

    def hold(self, deployment_id: str, held: bool) -> None:
        self._call("PUT", f"/deployments/{deployment_id}", {"held": held})

    def end(self, deployment_id: str, state: str, reason: str | None) -> None:
        self._call("PUT", f"/deployments/{deployment_id}", {"state": state, "reason": reason})

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self._session.request(method, self._url + path, json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
