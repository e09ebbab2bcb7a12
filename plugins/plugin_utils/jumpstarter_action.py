# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of the Jumpstarter modules add to a task."""

from __future__ import annotations

import os
import types
import typing as t

from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction


class JumpstarterAction(InProcessAction):
    """Tells the module who asks, which process to watch, and which lease the host holds."""

    def complete_arguments(self, module: types.ModuleType, task_vars: dict[str, t.Any]) -> None:
        arguments = self._task.args
        job = task_vars.get("awx_job_id") or task_vars.get("tower_job_id") or os.environ.get("JOB_ID")
        if job:
            arguments.setdefault("job_id", str(job))
        arguments.setdefault("job_host", task_vars.get("inventory_hostname", "localhost"))
        if task_vars.get("jumpstarter_lease_guard_lock_dir"):
            arguments.setdefault("lock_dir", self._templar.template(task_vars["jumpstarter_lease_guard_lock_dir"]))
        if self.is_local:
            arguments.setdefault("watch_pid", os.getppid())


class DeviceAction(JumpstarterAction):
    """Goes through the lease that the host holds, unless the task names one."""

    def complete_arguments(self, module: types.ModuleType, task_vars: dict[str, t.Any]) -> None:
        super().complete_arguments(module, task_vars)
        held = task_vars.get("current_lease_name")
        if held and not self._task.args.get("lease_name"):
            self._task.args["lease_name"] = held
