# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marks of who goes on with a test, and of who is about to close it."""

from __future__ import annotations

import typing as t

RESUMED = "resumed"
RECOVERING = "recovering"

RECOVERING_SECONDS = 300.0
"""For so long a recovery that marked a test event, and may have died, keeps others away."""

LONGEST_SECONDS = 62 * 86400.0
"""For no longer somebody waits; what is granted is half of that at the most, and clocks differ."""

Record = t.Mapping[str, t.Any]


def mark_of(held: Record, name: str) -> dict[str, t.Any]:
    """Return a mark in the metadata of a test event; empty if it has none."""
    metadata = held.get("metadata")
    mark = metadata.get(name) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, dict) else {}


def is_later(moment: t.Any, now: float) -> bool:
    """Whether a value is a time, in seconds since the epoch, that is still to come, and not one that never comes."""
    is_time = isinstance(moment, (int, float)) and not isinstance(moment, bool)
    return is_time and now < moment <= now + LONGEST_SECONDS


def is_recovering(held: Record, now: float) -> bool:
    """Whether a recovery is about to close a test event; a mark further ahead is of a clock that is wrong."""
    until = mark_of(held, RECOVERING).get("until")
    return is_later(until, now) and t.cast("float", until) <= now + 2 * RECOVERING_SECONDS


def without_recovery(metadata: Record) -> dict[str, t.Any]:
    """Return metadata without the mark of a recovery."""
    return {name: value for name, value in metadata.items() if name != RECOVERING}


def is_taken_from(report: Record, held: Record) -> bool:
    """Whether another job has taken up a test since whoever reports it had it."""
    mark, own = mark_of(held, RESUMED), mark_of(report, RESUMED)
    return bool(mark) and (not own or mark.get("by") != own.get("by"))


def settled_metadata(metadata: Record) -> dict[str, t.Any]:
    """Return metadata for a report, in which a test that was resumed is free to be resumed again."""
    mark = metadata.get(RESUMED)
    if not isinstance(mark, dict):
        return dict(metadata)
    return {**metadata, RESUMED: {name: value for name, value in mark.items() if name != "until"}}
