# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that users may give as text."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable


def parts_of(given: str | Iterable[t.Any]) -> list[str]:
    """Return the members of a list, or of a text in which commas part them."""
    return [str(part).strip() for part in (given.split(",") if isinstance(given, str) else given)]
