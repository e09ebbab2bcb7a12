# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps leases and exporters over a stop and start of the process."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from hatci_lab.controller.leases import LeaseBook
from hatci_lab.controller.model import Exporter, Lease


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, book: LeaseBook) -> None:
        if not self._path.exists():
            return
        data = json.loads(self._path.read_text())
        book.leases = {item["name"]: Lease.from_dict(item) for item in data["leases"]}
        book.exporters = {item["name"]: Exporter(**{**item, "streams": 0}) for item in data["exporters"]}

    def save(self, book: LeaseBook) -> None:
        data = {
            "leases": [asdict(lease) for lease in book.leases.values()],
            "exporters": [asdict(exporter) for exporter in book.exporters.values()],
        }
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(data))
        os.replace(fresh, self._path)
