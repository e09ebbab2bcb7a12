# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module's ``main()`` does where a task runs on its target."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hatci.automation.plugins.module_utils._arguments import (
    refusal,
    text_problems,
    without_empty,
    without_rivals,
)

Result = dict[str, t.Any]
Operation = t.Callable[..., Result]


class _Module(AnsibleModule):
    """Looks at the arguments before Ansible converts them."""

    params: Result
    problems: list[str]

    def _load_params(self) -> None:
        super()._load_params()
        self.problems = text_problems(self.argument_spec, self.params)
        self.params = without_rivals(self.argument_spec, without_empty(self.argument_spec, self.params))


def run_module(
    arguments: dict[str, t.Any],
    operation: Operation,
    run_operation: t.Callable[[Operation, t.Mapping[str, t.Any], bool], Result],
) -> None:
    """Run an operation with the arguments that this module was started with, and end with its result.

    :param arguments: the module's ``ARGUMENTS``.
    :param run_operation: of the runner that fits the operation; it turns failures into results.
    """
    module = _Module(**arguments)
    if module.problems:
        module.fail_json(msg=refusal(module.problems))
    result = run_operation(operation, module.params, module.check_mode)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)
