# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how long a server that is busy wants to be left alone."""

from __future__ import annotations

try:
    from urllib3.exceptions import InvalidHeader
    from urllib3.util.retry import Retry
except ImportError:  # reported by the clients, which cannot work without requests either
    InvalidHeader = Exception  # type: ignore[assignment, misc]

LONGEST_RETRY_AFTER = 21600.0


def parse_retry_after(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, at most six hours; None if it asks for nothing."""
    if not value:
        return None
    try:
        return min(LONGEST_RETRY_AFTER, float(Retry().parse_retry_after(value)))
    except (InvalidHeader, ValueError, OverflowError):  # the last two: a date or number beyond all reason
        return None
