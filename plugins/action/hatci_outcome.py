# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import shorten
from ansible_collections.hatci.automation.plugins.modules import hatci_outcome
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_progress import FleetProgress
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import secrets_of
from ansible_collections.hatci.automation.plugins.plugin_utils.workflow_data import to_hand_on

HANDED_ON = (
    *("vin", "outcome", "summary", "state"),
    *("test_event_id", "source_event_id", "target_event_id", "deployment_id"),
)


class ActionModule(InProcessAction):
    """Runs the module of the same name, marks the result as this run's, and hands it on to the next nodes."""

    module = hatci_outcome
    ends_test = False

    def complete_arguments(self) -> None:
        """Hide the tokens of the host in the summary, which may quote anything, before it is handed on."""
        summary = self._task.args.get("summary")
        if isinstance(summary, str):
            secrets = secrets_of(self._task_vars, self._templar)
            self._task.args["summary"] = shorten(summary, secrets, text=len(summary) + 1)

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        if options["hand_on"] and not self._task.check_mode:
            handed_on = {name: result[name] for name in HANDED_ON}
            result["ansible_stats"] = {
                "data": to_hand_on(self._task_vars, "ota_tests", {self.host: handed_on}),
                "per_host": False,
                "aggregate": True,
            }
        play = playbook_process()
        result["run"] = play.identity
        if options["hand_on"]:
            FleetProgress(play, self._task).note_end(self.host, result["outcome"])
