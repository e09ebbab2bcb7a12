# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from collections.abc import Mapping


def lost_record(result: object) -> bool:
    """Whether a result says that SUMS has another record under an id that it gave, or none."""
    return isinstance(result, Mapping) and (bool(result.get("lost_record")) or result.get("status") == 404)


class TestModule:
    """Tells results after which it is not known whose record SUMS has under an id."""

    def tests(self) -> dict[str, t.Callable[[object], bool]]:
        """Return the test."""
        return {"lost_record": lost_record}
