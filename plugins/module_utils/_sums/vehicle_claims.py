# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vehicles the tests of a play have to themselves: two updates of one vehicle at once prove nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import socket
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._vin import vin_key


@dataclasses.dataclass
class _Claim:
    host: str
    name: socket.socket | None
    test_event_id: str = ""


class VehicleClaims:
    """The vehicles of a play; its closer has them, so that none stays claimed when the play has ended.

    What excludes other plays of this machine is a name in the kernel, which no file can hide and no crash leave behind.
    """

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str], _Claim] = {}

    def claim(self, base_url: str, vin: str, host: str, *, on_machine: bool) -> str:
        """Claim a vehicle for a host, and return in words who has it instead; empty if nobody has.

        :param on_machine: other plays of this machine are excluded too, which a lease does where there is a device.
        """
        key = (base_url, vin_key(vin))
        before = self._claims.get(key)
        if before and before.host != host:
            return f"host {before.host} of this run"
        name = before.name if before else None
        if on_machine and name is None:
            name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            digest = hashlib.sha256("\n".join(key).encode()).hexdigest()
            try:
                name.bind(f"\0hatci-automation/vehicle/{digest}")
            except OSError:
                name.close()
                return "another run on this machine"
        self._claims[key] = _Claim(host, name)
        return ""

    def note(self, base_url: str, vin: str, test_event_id: str) -> None:
        """Note for which test event a vehicle was claimed, if it was."""
        if claim := self._claims.get((base_url, vin_key(vin))):
            claim.test_event_id = test_event_id

    def give_up(self, base_url: str, test_event_id: str) -> None:
        """Leave the vehicle of a test event to others."""
        for key, claim in list(self._claims.items()):
            if key[0] == base_url and claim.test_event_id == test_event_id:
                self._drop(key)

    def give_up_all(self) -> None:
        """Leave all vehicles to others."""
        for key in list(self._claims):
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        claim = self._claims.pop(key)
        if claim.name:
            with contextlib.suppress(OSError):
                claim.name.close()


def take_note(claims: VehicleClaims, message: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do with the claims what a message to the closer means for them; return what is answered."""
    answer: dict[str, t.Any] = {}
    if wanted := message.get("claim"):
        answer = {"busy": claims.claim(**wanted)}
    if watched := message.get("watch"):
        claims.note(watched["base_url"], watched.get("vin") or "", watched["test_event_id"])
    if settled := message.get("settled"):
        claims.give_up(settled["base_url"], settled["test_event_id"])
    return answer
