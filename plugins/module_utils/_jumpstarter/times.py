# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations as people write them, and points in time in words."""

from __future__ import annotations

import re
import time

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_duration(value: str, option: str) -> int:
    """Return the seconds of ``90``, ``60m``, ``1h30m``, ``2d`` or ``01:30:00``.

    :raises InputError: it is none of these, or not more than 0.
    """
    text = value.strip().lower()
    seconds = 0
    if re.fullmatch(r"\d{1,9}", text):
        seconds = int(text)
    elif clock := re.fullmatch(r"(\d{1,5}):([0-5]\d):([0-5]\d)", text):
        hours, minutes, rest = (int(part) for part in clock.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    elif re.fullmatch(r"(?:\d{1,9}[dhms]\s*)+", text):
        seconds = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))
    if not 0 < seconds <= 366 * 86400:
        raise InputError(f"{option} is {value[:40]!r}; give a duration such as 30m, 1h30m, 01:30:00 or 90 (seconds).")
    return seconds


def clock_form(seconds: float) -> str:
    """Return seconds as ``HH:MM:SS``, which every version of ``jmp`` takes; rounded up."""
    whole = int(-(-seconds // 1))
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def time_in_words(seconds: object) -> str:
    """Return seconds since the epoch as date and time; "?" if they are none that a calendar has."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return "?"
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OSError, OverflowError, ValueError):
        return "?"
