# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.hatci.automation.plugins.modules import jumpstarter_orphans
from ansible_collections.hatci.automation.plugins.plugin_utils.jumpstarter_action import JumpstarterAction


class ActionModule(JumpstarterAction):
    """Runs the module of the same name."""

    module = jumpstarter_orphans
    ends_test = False
