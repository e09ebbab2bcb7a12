# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.utils.vars import load_extra_vars

from ansible_collections.hatci.automation.plugins.action.hatci_outcome import HANDED_ON
from ansible_collections.hatci.automation.plugins.module_utils._suite import PLANNED, overall
from ansible_collections.hatci.automation.plugins.modules import hatci_suite
from ansible_collections.hatci.automation.plugins.plugin_utils.extra_variables import hidden_problem
from ansible_collections.hatci.automation.plugins.plugin_utils.fleet_progress import FleetProgress
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import RIG, rig_of
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario_words import describe_scenario
from ansible_collections.hatci.automation.plugins.plugin_utils.test_variables import check_test_variables
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables
from ansible_collections.hatci.automation.plugins.plugin_utils.whole_play import PLAY, describe_play
from ansible_collections.hatci.automation.plugins.plugin_utils.workflow_data import to_hand_on

UNUSABLE = object()
BEGUN = {"outcome": "ERROR", "summary": "The suite did not reach its end."}


class ActionModule(InProcessAction):
    """Runs the module of the same name, marks the result as this run's, and hands on what has ended."""

    module = hatci_suite
    is_step = False

    def complete_arguments(self) -> None:
        arguments = self._task.args
        if hidden := hidden_problem(self._task, load_extra_vars(self._loader), ["ota_suite_result"]):
            raise AnsibleActionFail(f"{hidden} Nothing was created.")
        if arguments.get("state", PLANNED) == PLANNED and arguments.get("scenarios") is None:
            arguments["scenarios"] = self._scenarios(arguments.pop("given", None))

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        play = playbook_process()
        result["run"] = play.identity
        rows, row = result["rows"], {}
        if options["state"] == PLANNED:
            row = {self.host: {**dict.fromkeys(HANDED_ON, ""), **BEGUN, "scenario": ""}}
        elif len(rows) > len(options["suite"]["rows"]):
            name = options["step"]["name"]
            row = {f"{self.host}/{name}": _handed_on(rows[name])}
            if len(rows) == len(result["scenarios"]):
                row[self.host] = _handed_on(overall(rows))
                FleetProgress(play, self._task).note_end(self.host, row[self.host]["outcome"])
        if row and not self._task.check_mode:
            data = to_hand_on(self._task_vars, "ota_tests", row)
            result["ansible_stats"] = {"data": data, "per_host": False, "aggregate": True}
        if result.get("line"):
            self.say(result["line"])

    def _scenarios(self, given: t.Any) -> list[dict[str, t.Any]]:
        """Return the scenarios that a user gave: a list, or text with their names."""
        entries = given
        if isinstance(given, str):
            entries = [part.strip() for part in re.split(r"[,\n]", given) if part.strip()]
        if not entries or not isinstance(entries, list):
            raise AnsibleActionFail("ota_suite names no scenario; give a list of them. Nothing was created.")
        lookup = lookup_loader.get("hatci.automation.scenario", loader=self._loader, templar=self._templar)
        problems, scenarios, rig = [], [], self._rig()
        known = {**self._task_vars, PLAY: describe_play(self._task)}
        for number, entry in enumerate(entries, start=1):
            option = f"number {number} of ota_suite"
            if not isinstance(entry, (str, dict)):
                problems.append(f"{option} is not a scenario; give its name, its file, or a mapping.")
                continue
            if not entry or not str(entry).strip():
                problems.append(f"{option} is empty; give the name of a scenario, its file, or a mapping.")
                continue
            try:
                [scenario] = lookup.run([entry], known, option=option, **rig)
            except AnsibleError as error:
                problems.append(str(error.message))
                continue
            scenarios.append({"given": entry, "scenario": scenario, "says": describe_scenario(scenario)})
        if problems:
            raise AnsibleActionFail(f"{' '.join(problems)} Nothing was created.")
        return scenarios

    def _rig(self) -> dict[str, bool]:
        """Return what the tests of this host can do and see; of a variable that cannot be used they say why."""
        known, given = TypedVariables(self._templar, self._task_vars), {}
        for name in RIG:
            try:
                given[name] = known.get(name)
            except AnsibleError:
                given[name] = UNUSABLE
        values, _problems = check_test_variables(given)
        return rig_of({**given, **values})


def _handed_on(row: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: row.get(name) or "" for name in (*HANDED_ON, "scenario")}
