# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.modules import hatci_outcome
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_progress import FleetProgress
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process

HANDED_ON = (
    *("vin", "outcome", "summary", "state"),
    *("test_event_id", "source_event_id", "target_event_id", "deployment_id"),
)


class ActionModule(InProcessAction):
    """Runs the module of the same name, marks the result as this run's, and hands it on to the next nodes."""

    module = hatci_outcome

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        if options["hand_on"] and not self._task.check_mode:
            handed_on = {name: result[name] for name in HANDED_ON}
            result["ansible_stats"] = {
                "data": {"ota_tests": {self.host: handed_on}},
                "per_host": False,
                "aggregate": True,
            }
        play = playbook_process()
        result["run"] = play.identity
        if options["hand_on"]:
            FleetProgress(play).note_end(result["outcome"])
