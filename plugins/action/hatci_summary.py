# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.modules import hatci_summary
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process

NOT_OURS = "ota_result was set by something else than the test of this run, so how the test ended is not known"


class ActionModule(InProcessAction):
    """Runs the module of the same name on what the hosts of this play handed on, and shows the table to people."""

    module = hatci_summary

    def complete_arguments(self) -> None:
        if self._task.args.get("tests") is None:
            run = playbook_process().identity
            self._task.args["tests"] = [
                self._handed_on_by(host, run) for host in self._task_vars.get("ansible_play_hosts_all", [])
            ]

    def extras(self) -> dict[str, t.Any]:
        return {"show": lambda lines: self.show("\n" + "\n".join(lines) + "\n")}

    def _handed_on_by(self, host: str, run: str) -> dict[str, t.Any]:
        variables = self._task_vars["hostvars"][host]
        result, reason = variables.get("ota_result") or {}, variables.get("ota_fleet_reason") or ""
        if isinstance(result, dict) and result.get("outcome") and result.get("run") != run:
            return {"vehicle": host, "result": {}, "reason": NOT_OURS}
        return {"vehicle": host, "result": result if isinstance(result, dict) else {}, "reason": str(reason)}
