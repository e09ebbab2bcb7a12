# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.modules import jumpstarter_lease
from ansible_collections.hatci.automation.plugins.plugin_utils.jumpstarter_action import JumpstarterAction


class ActionModule(JumpstarterAction):
    """Runs the module of the same name, shows who holds the device while it waits, and knows when that is in vain."""

    module = jumpstarter_lease

    def extras(self) -> dict[str, t.Any]:
        return {"say": self.say, "blocks_run": self.blocks_run}

    def blocks_run(self) -> bool:
        """Whether the other hosts of this run stand still while this one waits."""
        strategy = str(self._task.get_play().strategy).rpartition(".")[2]
        return "linear" in strategy or int(self._task_vars.get("ansible_forks", 2)) == 1

    def find_progress(self, result: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """A lease that is held lets the test go on; one that is given back says nothing."""
        return None if self._task.args.get("state") == "release" else {}
