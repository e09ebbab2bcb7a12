# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.modules import hatci_summary
from ansible_collections.hatci.automation.plugins.plugin_utils.handed_on import tests_of_play
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process


class ActionModule(InProcessAction):
    """Runs the module of the same name on what the hosts of this play handed on, and shows the table to people."""

    module = hatci_summary
    ends_test = False

    def complete_arguments(self) -> None:
        if self._task.args.get("tests") is None:
            self._task.args["tests"] = tests_of_play(self._task_vars, playbook_process().identity)

    def extras(self) -> dict[str, t.Any]:
        return {"show": lambda lines: self.show("\n" + "\n".join(lines) + "\n")}
