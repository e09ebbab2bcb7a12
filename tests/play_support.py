# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of whole playbooks share."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
HUNG_SECONDS = 60
"""Nothing that a test waits for takes that long; it will not come any more."""


def wait_until(condition: Callable[[], object]) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + HUNG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
