# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import identity_of_event
from ansible_collections.hatci.automation.plugins.modules import hatci_create_event
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    """Runs the module of the same name."""

    module = hatci_create_event

    def find_progress(self, result: dict[str, t.Any]) -> dict[str, t.Any] | None:
        vin = {"vin": self._task.args.get("vin")}
        if self._task.args.get("update_type") != "UROM":
            return {"event_id": None, **vin}
        return {"event_id": result["event_id"], "event": identity_of_event(result["event"]), **vin}
