# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps leases and exporters over a stop and start of the process."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from hatci_lab.controller.leases import LeaseBook
from hatci_lab.controller.model import Exporter, Lease
from hatci_lab.controller.policies import Policy


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, book: LeaseBook) -> bool:
        """Whether there was anything to load: the controller has run before."""
        if not self._path.exists():
            return False
        data = json.loads(self._path.read_text())
        book.leases = {item["name"]: Lease.from_dict(item) for item in data["leases"]}
        book.clients = data["clients"]
        book.policies = [Policy.from_dict(item) for item in data["policies"]]
        book.exporters = {item["name"]: Exporter(**{**item, "streams": 0}) for item in data["exporters"]}
        return True

    def save(self, book: LeaseBook) -> None:
        data = {
            "clients": book.clients,
            "policies": [asdict(policy) for policy in book.policies],
            "leases": [asdict(lease) for lease in book.leases.values()],
            "exporters": [asdict(exporter) for exporter in book.exporters.values()],
        }
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(data))
        os.replace(fresh, self._path)
