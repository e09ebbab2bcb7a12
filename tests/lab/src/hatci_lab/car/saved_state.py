# SPDX-License-Identifier: GPL-3.0-or-later
"""The car's state as a JSON file, which outlives its process."""

from __future__ import annotations

import os
from pathlib import Path

from hatci_lab.car.model import CarState


def as_new(path: Path) -> Path:
    """Where the state is kept that the car had when it was new."""
    return path.with_name("new.json")


def load(path: Path) -> CarState:
    return CarState.model_validate_json(path.read_bytes())


def save(path: Path, state: CarState) -> None:
    fresh = path.with_suffix(".writing")
    fresh.write_text(state.model_dump_json(indent=1), encoding="utf-8")
    os.replace(fresh, path)
