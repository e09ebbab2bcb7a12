# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.modules import hatci_deploy_event
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction

REQUESTED = "__hatci_request_update_target"
"""What that role has registered."""


class ActionModule(InProcessAction):
    """Runs the module of the same name."""

    module = hatci_deploy_event

    def complete_arguments(self) -> None:
        """Hold the event against the one that hatci_request_update created in this play, if it has that id."""
        made = self._task_vars.get(REQUESTED)
        if isinstance(made, Mapping) and made.get("event_id") == self._task.args.get("event_id"):
            self._task.args.setdefault("created", made.get("event"))

    def find_progress(self, result: dict[str, t.Any]) -> dict[str, t.Any] | None:
        vin = self._task.args.get("vin") or result["deployment"].get("vin")
        found = {"event_id": str(self._task.args["event_id"]), "deployment_id": result["deployment_id"]}
        return {**found, "vin": vin if isinstance(vin, str) else None}
