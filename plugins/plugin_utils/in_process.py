# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module's own operation inside ansible-playbook, wherever that is the same thing."""

from __future__ import annotations

import importlib
import os
import types
import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values, sanitize_keys
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

MODULES = "ansible_collections.hatci.automation.plugins.modules."
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
QUIET_CALLBACKS = frozenset({"json", "jsonl", "null", "oneline", "minimal", "dense", "selective", "unixy"})


class InProcessAction(ActionBase):
    """Runs the module of the same name here if the task is for this machine, else on the target."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returns."""
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        module = importlib.import_module(MODULES + self._task.action.rpartition(".")[2])
        self.complete_arguments(module, task_vars)
        if not self.is_same_here(module):
            return {**result, **self._run_on_target(task_vars)}
        return {**result, **self._run_here(module, task_vars)}

    def complete_arguments(self, module: types.ModuleType, task_vars: dict[str, t.Any]) -> None:
        """Add to ``self._task.args`` what only the controller knows."""

    def extras(self) -> dict[str, t.Any]:
        """Return further keyword arguments for the operation."""
        return {}

    def after(self, options: dict[str, t.Any], result: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        """Do what belongs to a success, in this process."""

    @property
    def is_local(self) -> bool:
        """Whether the task's target is this machine."""
        return bool(self._connection.transport == "local")

    def is_same_here(self, module: types.ModuleType) -> bool:
        """Whether running here does what running the module would do."""
        return (
            self.is_local
            and not self._play_context.become
            and not self._task.async_val
            and not any(self._task.environment or [])
            and getattr(module, "HAS_LIBRARIES", True)
        )

    def say(self, line: str) -> None:
        """Show a line of progress, unless the output is not for people."""
        callback = str(constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))
        if callback.rpartition(".")[2] not in QUIET_CALLBACKS:
            self._display.display(f"{self._task_host}: {line}")

    def _run_on_target(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))

    def _run_here(self, module: types.ModuleType, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        self._task_host = task_vars.get("inventory_hostname", "localhost")
        arguments = dict(module.ARGUMENTS)
        arguments.pop("supports_check_mode")
        spec = arguments.pop("argument_spec")
        checked = ArgumentSpecValidator(spec, **arguments).validate(dict(self._task.args))
        options = checked.validated_parameters
        shown = {name: HIDDEN if spec.get(name, {}).get("no_log") else value for name, value in options.items()}
        result: dict[str, t.Any] = {"changed": False}
        if checked.error_messages:
            result.update(failed=True, msg=self._refusal(checked))
        else:
            result.update(self._perform(module, options))
            if not result.get("failed"):
                self.after(options, result, task_vars)
        result = sanitize_keys(remove_values(result, checked._no_log_values), checked._no_log_values)
        return {**result, "invocation": {"module_args": remove_values(shown, checked._no_log_values)}}

    def _perform(self, module: types.ModuleType, options: dict[str, t.Any]) -> dict[str, t.Any]:
        try:
            return t.cast(
                "dict[str, t.Any]",
                module.perform(module.OPERATION, options, self._task.check_mode, **self.extras()),
            )
        except OwnerGone as error:
            raise AnsibleActionFail(str(error)) from None

    def _refusal(self, checked: t.Any) -> str:
        message = str(checked.errors.msg)
        if isinstance(checked.errors[0], UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {message}"
        return message


def playbook_process() -> Owner:
    """Return the ansible-playbook process that this worker belongs to."""
    return Owner.of(os.getppid())
