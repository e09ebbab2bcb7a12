# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.modules import hatci_recover
from ansible_collections.hatci.automation.plugins.plugin_utils.jumpstarter_action import JumpstarterAction


class ActionModule(JumpstarterAction):
    """Runs the module of the same name, and shows what it did and left alone."""

    module = hatci_recover
    ends_test = False
    is_step = False

    def extras(self) -> dict[str, t.Any]:
        return {"show": lambda lines: self.show("\n".join(lines))}
