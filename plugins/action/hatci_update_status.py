# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import forget_proof
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import find_progress
from ansible_collections.hatci.automation.plugins.modules import hatci_update_status
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_progress import FleetProgress
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.jumpstarter_action import lease_held


class ActionModule(InProcessAction):
    """Runs the module of the same name, shows how the wait goes, and ends it with ansible-playbook."""

    module = hatci_update_status

    def extras(self) -> dict[str, t.Any]:
        play = playbook_process()
        vehicles = self._task_vars.get("ansible_play_hosts_all") or []
        fleet = FleetProgress(play, self._task, len(vehicles), self.show)
        remind = fleet.remind if len(vehicles) > 1 else self.say
        return {"seen": self._journal_state, "say": self.say, "remind": remind}

    def around(self, options: dict[str, t.Any], run: t.Callable[[], dict[str, t.Any]]) -> dict[str, t.Any]:
        """Look or wait; how a vehicle stands counts only if its lease is seen to hold after that."""
        try:
            return run()
        finally:
            forget_proof(lease_held(self._task_vars) or "-")

    def _journal_state(self, seen: dict[str, t.Any]) -> None:
        if self._step:
            deployment_id, progress = self._task.args.get("deployment_id"), find_progress(seen["status"])
            self._step.note("state", deployment_id=deployment_id, state=seen["state"], progress=progress)

    def find_progress(self, result: dict[str, t.Any]) -> dict[str, t.Any] | None:
        return {} if self._task.args.get("wait") else None
