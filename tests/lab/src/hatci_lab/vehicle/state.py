# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vehicle keeps between two commands: its power state and the serial lines nobody has read yet."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class VehicleState:
    powered: bool = False
    lines: list[str] = field(default_factory=list)


class StateKeeper:
    """Holds a vehicle's state in a JSON file that several processes share, or in memory without a path."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._memory = VehicleState()

    @contextmanager
    def changing(self) -> Iterator[VehicleState]:
        """The state, for the one process that has it now; what the block changes is kept."""
        if self._path is None:
            yield self._memory
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{self._path}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = VehicleState(**json.loads(self._path.read_text())) if self._path.exists() else VehicleState()
            yield state
            fresh = Path(f"{self._path}.new")
            fresh.write_text(json.dumps(asdict(state)))
            os.replace(fresh, self._path)
