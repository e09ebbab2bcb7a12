# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the conditions of a lease are judged: several are true at once, and only one tells how it stands."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import (
    ENDED,
    HELD,
    PENDING,
    REFUSED,
    Lease,
)

ENDED_AT = {"effective_end_time": "2026-03-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("conditions", "more", "state", "reason"),
    [
        ({}, {}, PENDING, ""),
        ({"Pending": "True"}, {}, PENDING, "Pending-True"),
        ({"Pending": "True", "Ready": "True"}, {}, HELD, "Ready-True"),
        ({"Ready": "True", "Unsatisfiable": "True"}, {}, HELD, "Ready-True"),
        ({"Ready": "True"}, ENDED_AT, ENDED, "Ready-True"),
        ({"Pending": "True"}, ENDED_AT, ENDED, ""),
        ({"Pending": "True", "Ready": "False"}, {}, ENDED, "Ready-False"),
        ({"Ready": "False", "Unsatisfiable": "True"}, {}, REFUSED, "Unsatisfiable-True"),
        ({"Ready": "False", "Invalid": "True"}, ENDED_AT, REFUSED, "Invalid-True"),
        ({"Pending": "True", "Unsatisfiable": "True"}, {}, REFUSED, "Unsatisfiable-True"),
        ({"Unsatisfiable": "True", "Invalid": "True"}, {}, REFUSED, "Unsatisfiable-True"),
        ({"Unsatisfiable": "False", "Invalid": "False", "Pending": "True"}, {}, PENDING, "Pending-True"),
        ({"Ready": "Unknown"}, {}, PENDING, ""),
    ],
)
def test_the_order_of_judging(conditions: dict[str, str], more: dict[str, t.Any], state: str, reason: str) -> None:
    listed = [{"type": kind, "status": status, "reason": f"{kind}-{status}"} for kind, status in conditions.items()]
    lease = Lease({"name": "hatci-1", "conditions": listed, **more})
    assert (lease.state, lease.reason) == (state, reason)
    assert Lease({"name": "hatci-1", "conditions": listed[::-1], **more}).state == state
