# SPDX-License-Identifier: GPL-3.0-or-later
"""How a demo can end: what the lab is told to do, what must come of it, and the words for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SUCCEEDED, FAILED = 0, 2
"""Exit codes of ansible-playbook."""
REASON = "Gateway refused the image: signature does not match"


@dataclass(frozen=True)
class Ending:
    """One way.

    :param vehicle: what the admin API of SUMS is told of the vehicle.
    :param status: of the test event in SUMS.
    :param deployment: its last state.
    :param updated: whether the vehicle has the new software then.
    """

    announced: str
    vehicle: dict[str, Any]
    returncode: int
    status: str
    deployment: str
    updated: bool
    conclusion: str


SUCCESS = Ending(
    announced="the update succeeds",
    vehicle={"outcome": "COMPLETE"},
    returncode=SUCCEEDED,
    status="PASS",
    deployment="COMPLETE",
    updated=True,
    conclusion=(
        "the vehicle took the update, said so over serial and was given back; the test is PASS in SUMS."
        "\nSee the other end with: make demo FAIL=1"
    ),
)
ENDINGS = {
    "": SUCCESS,
    "1": Ending(
        announced=f"the update fails ({REASON})",
        vehicle={"outcome": "FAILED", "reason": REASON},
        returncode=FAILED,
        status="FAIL",
        deployment="FAILED",
        updated=False,
        conclusion=(
            "the update failed, the vehicle was given back, the test is FAIL in SUMS with the reason,"
            f"\nand ansible-playbook ended with exit code {FAILED}, so a pipeline sees it too."
            "\nThe demo itself succeeded."
        ),
    ),
}
"""By the word that FAIL=WORD gives."""
