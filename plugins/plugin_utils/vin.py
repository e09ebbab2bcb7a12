# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a vehicle identification number looks like (ISO 3779)."""

from __future__ import annotations

import re


def is_vin(value: object) -> bool:
    """Whether a value is 17 characters of A-Z and 0-9 without I, O and Q."""
    return isinstance(value, str) and re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", value) is not None
