# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lease as the controller describes it."""

from __future__ import annotations

import datetime
import typing as t

PENDING = "pending"
HELD = "held"
REFUSED = "refused"
ENDED = "ended"


class Lease:
    """One entry of ``jmp get leases``.

    :param shown: the entry.
    """

    def __init__(self, shown: dict[str, t.Any]) -> None:
        self.shown = shown
        self.name = str(shown.get("name", ""))
        self.exporter = str(shown.get("exporter") or "")
        self.client = str(shown.get("client") or "")
        self.duration = _number(shown.get("duration"))
        self.state, self.message = self._judge()

    @property
    def tags(self) -> dict[str, str]:
        """The tags, as far as this version of ``jmp`` shows them."""
        tags = self.shown.get("tags")
        return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}

    @property
    def began(self) -> datetime.datetime | None:
        """When the device was assigned, by the controller's clock."""
        return _moment(self.shown.get("effective_begin_time"))

    @property
    def asked(self) -> float | None:
        """When its oldest condition came about, in seconds since the epoch: for a lease that waits, since when."""
        times = [
            condition["lastTransitionTime"].get("seconds")
            for condition in self.shown.get("conditions") or []
            if isinstance(condition, dict) and isinstance(condition.get("lastTransitionTime"), dict)
        ]
        return min((float(seconds) for seconds in times if str(seconds).isdecimal()), default=None)

    @property
    def until(self) -> str:
        """When the lease runs out, in words."""
        if self.began is None:
            return "an unknown time"
        end = self.began + datetime.timedelta(seconds=self.duration)
        return end.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    def _judge(self) -> tuple[str, str]:
        """Read the conditions in the order that tells the truth: Pending stays True once Ready is True."""
        conditions = {
            str(condition.get("type")): condition
            for condition in self.shown.get("conditions") or []
            if isinstance(condition, dict)
        }

        def is_(kind: str, status: str) -> bool:
            return conditions.get(kind, {}).get("status") == status

        def words(kind: str) -> str:
            condition = conditions.get(kind, {})
            return ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))

        if is_("Ready", "True") and not self.shown.get("effective_end_time"):
            return HELD, words("Ready")
        for kind in ("Unsatisfiable", "Invalid"):
            if is_(kind, "True"):
                return REFUSED, words(kind)
        if is_("Ready", "False") or self.shown.get("effective_end_time"):
            return ENDED, words("Ready")
        return PENDING, words("Pending")


def _number(value: t.Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _moment(value: t.Any) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
