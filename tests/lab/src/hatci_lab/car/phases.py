# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of an update, told by the state and progress that SUMS shows."""

from __future__ import annotations

from hatci_lab.sums.states import WAITING

PHASES = {"downloading": 40, "installing": 80, "verifying": 90, "activating": 101}
"""Each with the percentage at which the next one begins."""


def phase(state: str, progress: int) -> str:
    """`waiting` before the update begins. A SUMS whose states have the names of phases decides by them."""
    if state.lower() in PHASES:
        return state.lower()
    if state.upper() in WAITING:
        return "waiting"
    return next(name for name, end in PHASES.items() if progress < end)
