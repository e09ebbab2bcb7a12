# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.modules import hatci_vehicle_check
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    """Runs the module of the same name and shows the look as a table to people."""

    module = hatci_vehicle_check

    def extras(self) -> dict[str, t.Any]:
        return {"show": lambda lines: self.show("\n".join(f"{self.host}: {line}" for line in lines))}
