# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase

from ansible_collections.hatci.automation.plugins.module_utils._arguments import refusal
from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import OFFERS, TARGET, offered
from ansible_collections.hatci.automation.plugins.plugin_utils.test_variables import (
    CHECKS,
    check_test_variables,
    is_empty,
)
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables


class ActionModule(ActionBase):
    """Looks at the variables themselves, since a rendered argument may have another type."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the variables that are set, or one message about all that cannot be used."""
        result = super().run(tmp, task_vars)
        _checked, arguments = self.validate_argument_spec(
            argument_spec={
                "required": {"type": "list", "elements": "str", "default": []},
                "offer": {"type": "str", "choices": list(OFFERS), "default": TARGET},
            }
        )
        required = arguments["required"]
        given, problems = _read(TypedVariables(self._templar, task_vars or {}), required)
        values, refused = check_test_variables(given)
        problems += refused
        lacking = [
            name
            for name in required
            if is_empty(given.get(name)) and not any(problem.startswith(name) for problem in problems)
        ]
        if lacking:
            problems.insert(0, f"The test lacks {', '.join(lacking)}; set it for this host.")
        if problems:
            message = sentence(f"{refusal(problems)} Nothing was created.")
            return {**result, "failed": True, "outcome": "ERROR", "msg": message}
        return {**result, "changed": False, "variables": offered(values, arguments["offer"])}


def _read(variables: TypedVariables, required: Iterable[str]) -> tuple[dict[str, t.Any], list[str]]:
    """Return the variables of a test, and a sentence for each that cannot be rendered.

    One that refers to something which is not set is left out if it is not required: a later task may set that.
    """
    given, problems = {}, []
    for name in {**CHECKS, **dict.fromkeys(required)}:
        try:
            given[name] = variables.get(name)
        except AnsibleError as error:
            if name in required or not isinstance(error, AnsibleUndefinedVariable):
                reason = sentence(str(error.message)).rstrip(".")[:300]
                problems.append(f"{name} cannot be rendered: {reason}; correct it.")
    return given, problems
