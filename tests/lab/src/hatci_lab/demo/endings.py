# SPDX-License-Identifier: GPL-3.0-or-later
"""How a demo can end: what the lab is told to do, what must come of it, and the words for both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hatci_lab.car.defaults import VIN

SUCCEEDED, FAILED = 0, 2
"""Exit codes of ansible-playbook."""
REASON = "Gateway refused the image: signature does not match"
OTHER_VIN = "2HGBH41JXMN109187"
CODE, CONFIRMED = "U0123-00", 0x2F


@dataclass(frozen=True)
class Ending:
    """One way.

    :param outcome: of the test, as SUMS keeps it in the metadata of the test event.
    :param updated: whether the car has the new software then.
    :param deployment: the last state of the deployment; empty if the test must end before it creates any event.
    :param vehicle: what the admin API of SUMS is told of the vehicle.
    :param vin: of the car that is on the rig.
    :param behaviour: how the car takes its update.
    """

    announced: str
    conclusion: str
    outcome: str
    updated: bool
    deployment: str = "COMPLETE"
    vehicle: dict[str, Any] = field(default_factory=lambda: {"outcome": "COMPLETE"})
    vin: str = VIN
    behaviour: dict[str, Any] = field(default_factory=dict)

    @property
    def returncode(self) -> int:
        """What ansible-playbook ends with."""
        return SUCCEEDED if self.outcome == "PASS" else FAILED

    @property
    def status(self) -> str:
        """Of the test event in SUMS."""
        return "PASS" if self.outcome == "PASS" else "FAIL"


ENDINGS = {
    "": Ending(
        announced="the update succeeds, so the test ends as PASS",
        conclusion="the vehicle took the update, its ECUs say so themselves, and the test is PASS in SUMS.",
        outcome="PASS",
        updated=True,
    ),
    "1": Ending(
        announced=f"the update fails ({REASON}), so the test ends as FAIL",
        conclusion="the update failed, and the test is FAIL in SUMS with the reason.",
        outcome="FAIL",
        updated=False,
        deployment="FAILED",
        vehicle={"outcome": "FAILED", "reason": REASON},
    ),
    "dtc": Ending(
        announced=f"the update succeeds but leaves the trouble code {CODE} in the Gateway, so the test ends as FAIL",
        conclusion="the vehicle took the update, but the test is FAIL in SUMS because of the new trouble code.",
        outcome="FAIL",
        updated=True,
        behaviour={"leaves_codes": {"Gateway": {CODE: CONFIRMED}}},
    ),
    "wrong_vehicle": Ending(
        announced=f"another car ({OTHER_VIN}) is on the rig, so the test ends as ERROR before anything is changed",
        conclusion="the test is ERROR in SUMS, and no event and no deployment was created for the wrong vehicle.",
        outcome="ERROR",
        updated=False,
        deployment="",
        vin=OTHER_VIN,
    ),
    "lies": Ending(
        announced="SUMS says COMPLETE, but the vehicle keeps its old software, so the test ends as FAIL",
        conclusion="the test is FAIL in SUMS, because the ECUs still have the old software, whatever SUMS says.",
        outcome="FAIL",
        updated=False,
        behaviour={"lies": True},
    ),
}
"""By the word that FAIL=WORD gives."""
