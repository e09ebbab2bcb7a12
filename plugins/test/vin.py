# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.vin import is_vin


class TestModule:
    """Tells vehicle identification numbers from other values."""

    def tests(self) -> dict[str, t.Callable[[object], bool]]:
        """Return the test."""
        return {"vin": is_vin}
