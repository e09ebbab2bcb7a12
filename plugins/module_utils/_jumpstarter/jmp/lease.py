# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease as the controller describes it."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import time_in_words

PENDING = "pending"
HELD = "held"
REFUSED = "refused"
ENDED = "ended"


FIELDS: dict[str, t.Any] = {
    **dict.fromkeys(("exporter", "client", "effective_begin_time", "effective_end_time"), (str, type(None))),
    "name": str,
    "conditions": (list, type(None)),
    "tags": (dict, type(None)),
}
"""What must be so for an entry to be a lease that is judged."""

LONGEST_SECONDS = 10**11
"""More than any lease lasts and any clock shows."""

NO_CLOCK = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""A moment before that comes from a clock that was never set, or is Go's way to say that there is none."""


class Lease:
    """One entry of ``jmp get leases``.

    :param shown: the entry.
    """

    def __init__(self, shown: dict[str, t.Any]) -> None:
        self.shown = shown
        self.name: str = shown["name"]
        self.exporter: str = shown.get("exporter") or ""
        self.client: str = shown.get("client") or ""
        self.duration = _number(shown.get("duration"))
        self.state, self.reason, self.message = self._judge()

    @classmethod
    def read(cls, entry: t.Any) -> Lease | None:
        """Return the lease that an entry shows; None if it shows none that could be judged."""
        if isinstance(entry, dict) and all(isinstance(entry.get(field), kind) for field, kind in FIELDS.items()):
            return cls(entry)
        return None

    @property
    def tags(self) -> dict[str, str]:
        """The tags, as far as this version of ``jmp`` shows them."""
        return {key: str(value) for key, value in (self.shown.get("tags") or {}).items()}

    @property
    def began(self) -> datetime.datetime | None:
        """When the device was assigned, by the controller's clock."""
        return _time_of(self.shown.get("effective_begin_time"))

    @property
    def asked(self) -> float | None:
        """When its oldest condition came about, in seconds since the epoch: for a lease that waits, since when."""
        times = [
            condition["lastTransitionTime"].get("seconds")
            for condition in self.shown.get("conditions") or []
            if isinstance(condition, dict) and isinstance(condition.get("lastTransitionTime"), dict)
        ]
        return min((float(seconds) for seconds in times if _are_seconds(seconds)), default=None)

    @property
    def until(self) -> str:
        """When the lease runs out, in words."""
        if self.began is None:
            return "an unknown time"
        return time_in_words(self.began.timestamp() + self.duration)

    @property
    def ended_at(self) -> str:
        """When the lease ended, in words; empty if that is not told."""
        ended = _time_of(self.shown.get("effective_end_time"))
        return time_in_words(ended.timestamp()) if ended else ""

    def _judge(self) -> tuple[str, str, str]:
        """Return state, reason and words, in the order that tells the truth: Pending stays True once Ready is True."""
        conditions = {
            str(condition.get("type")): condition
            for condition in self.shown.get("conditions") or []
            if isinstance(condition, dict)
        }

        def is_(kind: str, status: str) -> bool:
            return conditions.get(kind, {}).get("status") == status

        def words(kind: str) -> tuple[str, str]:
            condition = conditions.get(kind, {})
            message = ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
            return str(condition.get("reason") or ""), message.rstrip(". ")

        if is_("Ready", "True") and not self.shown.get("effective_end_time"):
            return HELD, *words("Ready")
        for kind in ("Unsatisfiable", "Invalid"):
            if is_(kind, "True"):
                return REFUSED, *words(kind)
        if is_("Ready", "False") or self.shown.get("effective_end_time"):
            return ENDED, *words("Ready")
        return PENDING, *words("Pending")


def _number(value: t.Any) -> float:
    """Return seconds; 0 for what no lease can last."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < LONGEST_SECONDS else 0.0


def _are_seconds(value: t.Any) -> bool:
    """Whether it is a number of seconds, which protobuf writes as text."""
    text = str(value)
    return text.isascii() and text.isdecimal() and len(text) <= len(str(LONGEST_SECONDS))


def _time_of(value: t.Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(value or "")
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return moment if moment > NO_CLOCK else None
