# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is waited for: a deployment or an event, which must stay the same one from the first look to the last."""

from __future__ import annotations

import dataclasses

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.checks import (
    ROUNDING_SECONDS,
    require_consistent,
    require_record,
    seconds_apart,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import describe
from ansible_collections.hatci.automation.plugins.module_utils._sums.events import look_at_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record, find_id
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import UNKNOWN, Goals
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline

COLLECTIONS = {"deployment": "deployments", "event": "events"}


@dataclasses.dataclass
class Subject:
    """A deployment or event in SUMS.

    :param what: ``deployment`` or ``event``.
    :param goals: which states end it.
    :param event_id: the event that a deployment must be of; None for any.
    :param vin: the vehicle that it must be for; None for any.
    :param created_at: when SUMS said that it created it; None if it did not say so.
    """

    client: SumsClient
    what: str
    record_id: str
    goals: Goals
    event_id: str | None = None
    vin: str | None = None
    created_at: str | None = None
    _created_at: str | None = dataclasses.field(default=None, init=False)

    def look(self, within: float | None = None) -> Record:
        """Return how it stands, as :func:`describe` does.

        :param within: seconds for this one attempt, which is then not repeated.
        :raises AnotherRecord: SUMS answered about another one.
        :raises UnreadableAnswer: SUMS answered without a state, or contradicts itself.
        """
        reply = self.client.get(COLLECTIONS[self.what], self.record_id, within=within)
        owner = {"event_id": self.event_id} if self.what == "deployment" else {}
        require_record(reply, self.what, f"{self.what}_id", self.record_id, vin=self.vin, **owner)
        described = describe(reply.record)
        if described["state"] == UNKNOWN:
            raise reply.error(errors.UnreadableAnswer, "SUMS answered without a state or status.")
        created_at = described["timestamps"].get("created_at")
        before = self._created_at or self.created_at
        is_first = self._created_at is None
        if isinstance(created_at, str) and before and not _is_same_time(created_at, before, is_first=is_first):
            raise reply.error(
                errors.AnotherRecord,
                f"SUMS answered about another {self.what}: it was created at {one_line(created_at, 60)}, while the one "
                f"with this id was created at {one_line(before, 60)}. "
                "SUMS may have lost its records and given their ids again; look there.",
            )
        self._created_at = created_at if isinstance(created_at, str) else self._created_at
        require_consistent(reply, self.goals)
        return described

    def confirm(self, within: float) -> Record:
        """Look again at one that seems to have ended in success, and at its event where it does not show the vehicle.

        :param within: seconds for both.
        :raises AnotherRecord: it is another one, or of another vehicle.
        """
        deadline = Deadline(within)
        described = self.look(within)
        record = described["status"]
        event_id = find_id(record, "event_id") or self.event_id
        if self.what == "deployment" and self.vin and event_id and not isinstance(record.get("vin"), str):
            look_at_event(self.client, event_id, within=deadline.left, vin=self.vin)
        return described


def _is_same_time(one: str, other: str, *, is_first: bool) -> bool:
    """Whether two answers tell the same time of creation; that to a creation may be rounded otherwise than a look."""
    return one == other or (is_first and seconds_apart(one, other) <= ROUNDING_SECONDS)
