# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from collections.abc import Container, Iterable

from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.vars import load_extra_vars

from ansible_collections.hatci.automation.plugins.module_utils._arguments import refusal
from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.plugin_utils.described_test import SUITE_STEP
from ansible_collections.hatci.automation.plugins.plugin_utils.extra_variables import hidden_problem
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import (
    OFFERS,
    TARGET,
    offered,
    repetition_problem,
    rig_of,
)
from ansible_collections.hatci.automation.plugins.plugin_utils.test_variables import (
    CHECKS,
    check_test_variables,
    is_empty,
    same_software_problem,
)
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables
from ansible_collections.hatci.automation.plugins.plugin_utils.whole_play import PLAY, describe_play

CHECK_MODE_BY_KEYWORD = (
    "check_mode is a keyword of the play, a block or the role here, so a part of the test would be done and a part "
    "only predicted; leave it out and run ansible-playbook with --check, or without."
)
VERIFICATION, SCENARIO = "ota_verify_tasks", "ota_scenario"


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
                "only": {"type": "list", "elements": "str", "default": []},
                "files": {"type": "list", "elements": "str", "choices": [VERIFICATION, SCENARIO], "default": []},
                "offer": {"type": "str", "choices": list(OFFERS), "default": TARGET},
                "results": {"type": "list", "elements": "str", "default": []},
            }
        )
        required, files = arguments["required"], arguments["files"]
        names = {**dict.fromkeys(arguments["only"] or CHECKS), **dict.fromkeys(required)}
        given, problems = _read(TypedVariables(self._templar, task_vars or {}), names, {*required, *files})
        values, refused = check_test_variables(given)
        problems += refused
        lacking = [
            name
            for name in required
            if is_empty(given.get(name)) and not any(problem.startswith(name) for problem in problems)
        ]
        if files and self._task.check_mode != bool((task_vars or {}).get("ansible_check_mode")):
            problems.insert(0, CHECK_MODE_BY_KEYWORD)
        if hidden := hidden_problem(self._task, load_extra_vars(self._loader), arguments["results"]):
            problems.insert(0, hidden)
        if lacking:
            problems.insert(0, f"The test lacks {', '.join(lacking)}; set it for this host.")
        if not problems:
            try:
                scenario = self._read_files(values, files, task_vars or {})
                same = SCENARIO in files and same_software_problem(values, str(scenario.get("expect") or ""))
                cycles = repetition_problem(scenario, in_suite=SUITE_STEP in (task_vars or {}))
                problems += [problem for problem in (same, cycles) if problem]
            except AnsibleError as error:
                problems.append(str(error.message))
        if problems:
            created = "" if arguments["only"] else " Nothing was created."
            message = sentence(f"{refusal(problems)}{created}")
            return {**result, "failed": True, "outcome": "ERROR", "msg": message, "scenario": {}}
        return {**result, "changed": False, "variables": offered(values, arguments["offer"]), "scenario": scenario}

    def _read_files(self, values: dict[str, t.Any], names: list[str], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read what the test runs from files, and return the scenario.

        :raises AnsibleError: a file is missing or cannot be run.
        """
        if VERIFICATION in names and VERIFICATION in values:
            [problem] = self._lookup("tasks_file", values[VERIFICATION], task_vars, option=VERIFICATION)
            if problem:
                raise AnsibleError(problem)
        if SCENARIO not in names:
            return {}
        [scenario] = self._lookup(
            "scenario",
            values.get(SCENARIO, {}),
            task_vars,
            **rig_of(values),
        )
        return t.cast("dict[str, t.Any]", scenario)

    def _lookup(self, name: str, term: t.Any, task_vars: dict[str, t.Any], **options: t.Any) -> list[t.Any]:
        lookup = lookup_loader.get(f"hatci.automation.{name}", loader=self._loader, templar=self._templar)
        known = {**task_vars, PLAY: describe_play(self._task)}
        return t.cast("list[t.Any]", lookup.run([term], known, **options))


def _read(
    variables: TypedVariables, names: Iterable[str], needed_now: Container[str]
) -> tuple[dict[str, t.Any], list[str]]:
    """Return the variables of a test, and a sentence for each that cannot be rendered.

    One that refers to something which is not set is left out if it is not needed now: a later task may set that.
    """
    given, problems = {}, []
    for name in names:
        try:
            given[name] = variables.get(name)
        except AnsibleError as error:
            if name in needed_now or not isinstance(error, AnsibleUndefinedVariable):
                reason = sentence(str(error.message)).rstrip(".")[:300]
                problems.append(f"{name} cannot be rendered: {reason}; correct it.")
    return given, problems
