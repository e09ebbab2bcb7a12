# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times of a journal: those that a clock showed, and how long it was between them although the clock was set."""

from __future__ import annotations

import datetime
import functools
import itertools
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time

BOOT_ID = pathlib.Path("/proc/sys/kernel/random/boot_id")

TOLERANCE = 1.0
DRIFT = 0.001
"""So many seconds, and so much of the time between two lines, a clock may lose without having been set."""

Line = dict[str, t.Any]


def moment() -> Line:
    """Return the time of a line: by the clock and, where the system tells, since which start of it and for how long."""
    boot = _boot()
    since = {"boot": boot, "uptime": round(time.clock_gettime(time.CLOCK_BOOTTIME), 3)} if boot else {}
    return {"time": utc_time(), **since}


NAMES = ("time", "boot", "uptime")
"""What `moment` tells."""


def straightened(lines: list[Line]) -> tuple[list[Line], float]:
    """Return lines whose times do not go back, and by how many seconds the clock was set back between them.

    The clock that was set is believed: what came before is told as that would have shown it.
    """
    jumps = [_set_back(earlier, later) for earlier, later in itertools.pairwise(lines)]
    total = sum(jumps)
    if not total:
        return lines, 0.0
    left, straight = total, []
    for line, jump in zip(lines, [*jumps, 0.0], strict=True):
        straight.append({**line, "time": _earlier(line["time"], left)})
        left -= jump
    return straight, round(total, 3)


def seconds_between(began: str, ended: str) -> float | None:
    """Return the seconds between two times of a journal, 0 at least, None if one is not known."""
    seconds = _difference(began, ended)
    return None if seconds is None else max(0.0, seconds)


def seconds_since(line: Line) -> float | None:
    """Return the seconds from a line until now, whatever the clock was set to."""
    now = moment()
    passed = _passed(line, now)
    return seconds_between(line["time"], now["time"]) if passed is None else max(0.0, passed)


def _set_back(earlier: Line, later: Line) -> float:
    """Return by how many seconds the clock was set back between two lines that follow each other.

    That it was set forward cannot be told from a machine that stood still.
    """
    shown, passed = _difference(earlier["time"], later["time"]), _passed(earlier, later)
    if shown is None:
        return 0.0
    lost = (passed or 0.0) - shown
    return lost if lost > TOLERANCE + DRIFT * (passed or 0.0) else 0.0


def _passed(earlier: Line, later: Line) -> float | None:
    """Return the seconds between two lines by the uptime of the machine; None if it does not tell."""
    uptimes = [line.get("uptime") for line in (earlier, later)]
    if not earlier.get("boot") or earlier["boot"] != later.get("boot"):
        return None
    first, last = uptimes
    return round(last - first, 3) if isinstance(first, (int, float)) and isinstance(last, (int, float)) else None


def _difference(began: str, ended: str) -> float | None:
    try:
        first, last = (datetime.datetime.fromisoformat(moment) for moment in (began, ended))
        return round((last - first).total_seconds(), 3)
    except (TypeError, ValueError):
        return None


def _earlier(moment: str, seconds: float) -> str:
    try:
        shifted = datetime.datetime.fromisoformat(moment) - datetime.timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return moment
    return shifted.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@functools.cache
def _boot() -> str:
    """Return what tells this start of the system from others; empty if it is not known."""
    try:
        return BOOT_ID.read_text(encoding="ascii")[:8] if hasattr(time, "CLOCK_BOOTTIME") else ""
    except (OSError, ValueError):
        return ""
