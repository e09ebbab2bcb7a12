# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two VINs are of one vehicle: letter case and blanks around them tell no two vehicles apart."""

from __future__ import annotations

import typing as t


def vin_key(vin: t.Any) -> str:
    """Return what all ways to write a VIN have in common."""
    return str(vin).strip().upper()


def same_vin(one: t.Any, other: t.Any) -> bool:
    """Whether two VINs are of one vehicle."""
    return vin_key(one) == vin_key(other)
