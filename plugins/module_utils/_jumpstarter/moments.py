# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments in words."""

from __future__ import annotations

import time


def moment_in_words(seconds: object) -> str:
    """Return seconds since the epoch as date and time; "?" if they are none that a calendar has."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return "?"
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OSError, OverflowError, ValueError):
        return "?"
