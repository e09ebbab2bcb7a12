# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions of the Jumpstarter modules add to a task."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of


def lease_held(variables: Mapping[str, t.Any]) -> str:
    """Return the lease that a host got from the role jumpstarter_lease_guard, or else was told of; empty if none."""
    return str(variables.get("__jumpstarter_lease_guard_lease") or variables.get("current_lease_name") or "")


class JumpstarterAction(InProcessAction):
    """Tells the module who asks and which process to watch."""

    def complete_arguments(self) -> None:
        arguments, variables = self._task.args, self._task_vars
        job = job_of(variables)
        if job.id:
            arguments.setdefault("job_id", job.id)
        arguments.setdefault("job_host", self.host)
        if variables.get("jumpstarter_lease_guard_lock_dir"):
            arguments.setdefault("lock_dir", self._templar.template(variables["jumpstarter_lease_guard_lock_dir"]))
        if self.is_local:
            arguments.setdefault("watch_pid", playbook_process().pid)


class DeviceAction(JumpstarterAction):
    """Goes through the lease that the host holds, and to its controller, unless the task names others."""

    def transcript(self, result: dict[str, t.Any]) -> list[t.Any]:
        found = result.get("results")
        return found if isinstance(found, list) else []

    def complete_arguments(self) -> None:
        super().complete_arguments()
        arguments, variables = self._task.args, self._task_vars
        held = lease_held(variables)
        if held and not arguments.get("lease_name"):
            arguments["lease_name"] = held
        names = {"mode": "jumpstarter_lease_guard_mode"}
        if not (arguments.get("client_config") or arguments.get("client")):
            names |= {"client_config": "jumpstarter_client_config", "client": "jumpstarter_client"}
        for option, variable in names.items():
            value = self._templar.template(variables[variable]) if variables.get(variable) else None
            if value and not arguments.get(option):
                arguments[option] = value
