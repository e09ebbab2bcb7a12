# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import os
import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.module_utils._evidence.journal import JOURNAL
from ansible_collections.hatci.automation.plugins.module_utils._evidence.page import compile_page
from ansible_collections.hatci.automation.plugins.module_utils._evidence.report_template import TEMPLATE
from ansible_collections.hatci.automation.plugins.module_utils._outcome import NOT_BEGUN, campaign_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_evidence
from ansible_collections.hatci.automation.plugins.module_utils._waves import Waves, WavesUnusable
from ansible_collections.hatci.automation.plugins.modules import hatci_evidence
from ansible_collections.hatci.automation.plugins.plugin_utils.described_test import SUITE_STEP, describe_test
from ansible_collections.hatci.automation.plugins.plugin_utils.handed_on import tests_of_play
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import (
    VARIABLE,
    end_noted_step,
    secrets_of,
)
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables
from ansible_collections.hatci.automation.plugins.plugin_utils.versions import drivers, versions

# Here, in ansible-playbook, so that no worker, which is a fork, has to: it would take half of what evidence costs.
compile_page(TEMPLATE)
drivers()


class ActionModule(InProcessAction):
    """Runs the module of the same name; what it does is no step of a test.

    The actions of a test write its journal in ansible-playbook, so the directory is there too, even for a vehicle whose
    test runs on another machine.
    """

    module = hatci_evidence
    is_step = False
    runs_here = True

    def complete_arguments(self) -> None:
        test = self._task.args.get("test")
        if self._task.args.get("state") == "started" and (test is None or isinstance(test, Mapping)):
            described = describe_test(TypedVariables(self._templar, self._task_vars))
            job = dataclasses.asdict(job_of(self._task_vars))
            known = {"host": self.host, "job": job, "versions": versions(), "drivers": drivers()}
            self._task.args["test"] = {**described, **known, **(test or {})}
        if self._task.args.get("state") == "bundled" and self._is_of_all(test):
            hosts = self._task_vars.get("ansible_play_hosts_all", [])
            not_begun = self._not_begun()
            self._task.args["tests"] = [
                {**test, **not_begun.get(host, {})} for host in hosts for test in self._left_by(host)
            ]

    def extras(self) -> dict[str, t.Any]:
        return {"secrets": secrets_of(self._task_vars, self._templar)}

    def around(self, options: dict[str, t.Any], run: t.Callable[[], dict[str, t.Any]]) -> dict[str, t.Any]:
        if options["state"] == "bundled" and options["test"] and not self._task.check_mode:
            end_noted_step(options["path"], self._task_vars, secrets_of(self._task_vars, self._templar))
        return run()

    def _is_of_all(self, test: t.Any) -> bool:
        """Whether the evidence of all tests is asked for, and not told."""
        path = os.path.expanduser(str(self._task.args.get("path") or ""))
        return test is None and self._task.args.get("tests") is None and not os.path.exists(os.path.join(path, JOURNAL))

    def _not_begun(self) -> dict[str, dict[str, str]]:
        """Return of each host whose wave did not begin how that is told; waves that are none are told elsewhere."""
        tests = tests_of_play(self._task_vars, playbook_process().identity)
        stop_at = self._task.args.get("stop_at_fail_percentage") or 0
        try:
            campaign = campaign_of(tests, Waves.of(self._task.args.get("waves"), len(tests), stop_at))
        except WavesUnusable:
            return {}
        told = {"outcome": NOT_BEGUN, "reason": campaign.stop.reason if campaign.stop else ""}
        return {test.vehicle: told for test in campaign.not_begun}

    def _left_by(self, host: str) -> list[dict[str, str]]:
        """Return where the evidence of a host's tests is and, should one have left none, how it ended."""
        variables = self._task_vars["hostvars"][host]
        suite = variables.get("ota_suite_result")
        if isinstance(suite, Mapping) and suite.get("rows") and suite.get("run") == playbook_process().identity:
            return [
                {
                    **{"vehicle": host, "scenario": name, "path": path},
                    **{"outcome": row["outcome"], "reason": f"{name}: {row['summary']}"},
                }
                for name, row in suite["rows"].items()
                for path in row["evidence"] or [""]
            ]
        evidence, handed_on = (variables.get(name) for name in (VARIABLE, "ota_result"))
        handed_on = handed_on if isinstance(handed_on, Mapping) else {}
        left = {
            "vehicle": host,
            "path": str(evidence.get("path") or "") if isinstance(evidence, Mapping) else "",
            "outcome": str(handed_on.get("outcome") or "ERROR"),
            "reason": str(handed_on.get("summary") or variables.get("ota_fleet_reason") or ""),
        }
        return [left]

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        if options["state"] == "bundled" and not self._task.check_mode and options["store"]:
            # What is published now is not reported yet; the directory has another name now if it could be written.
            note_evidence(playbook_process(), self.host, str(result["path"] or options["path"]))
        elif options["state"] == "bundled" and not self._task.check_mode:
            note_evidence(playbook_process(), self.host, "", str(result["path"]) if "outcome" in result else "")
            if result.get("report"):
                about = "" if "outcome" in result else "all tests are in "
                self.say(f"evidence: {about}{result['report']}")
                for told in result.get("left_out", []):
                    self.say(f"evidence: {told}")

        # Links, not the files: AAP keeps the artifacts of a job in its database.
        if result.get("index_urls"):
            self.say(f"evidence: all tests are in {result['index_urls'][0]}")
            self._hand_on(result, "ota_evidence_index", result["index_urls"])
        elif options["state"] == "published" and result.get("artifact_urls") and not self._task.check_mode:
            step = self._task_vars.get(SUITE_STEP)
            name = f"{self.host}/{step['name']}" if isinstance(step, Mapping) and step.get("name") else self.host
            self._hand_on(result, "ota_evidence", {name: result["artifact_urls"][0]})

    @staticmethod
    def _hand_on(result: dict[str, t.Any], name: str, links: t.Any) -> None:
        result["ansible_stats"] = {"data": {name: links}, "per_host": False, "aggregate": True}

    def find_failure(self, result: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """What fails here is not the test."""
        return None
