# SPDX-License-Identifier: GPL-3.0-or-later
"""What the car's ECUs heard and said, in order, in memory."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

LIMIT = 100_000


class RequestLog:
    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=LIMIT)
        self._seq = 0

    def open(self, ecu: str, stage: str, request: bytes, fault: str | None) -> dict[str, Any]:
        """Note what arrived; what is said to it is added to `responses` in hex."""
        self._seq += 1
        entry = {
            "seq": self._seq,
            "time": time.time(),
            "ecu": ecu,
            "stage": stage,
            "request": request.hex(),
            "responses": [],
            "fault": fault,
        }
        self._entries.append(entry)
        return entry

    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries)

    def clear(self) -> None:
        self._entries.clear()
