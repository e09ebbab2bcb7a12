# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_evidence
from ansible_collections.hatci.automation.plugins.modules import hatci_evidence
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of
from ansible_collections.hatci.automation.plugins.plugin_utils.versions import versions


class ActionModule(InProcessAction):
    """Runs the module of the same name; what it does is no step of a test."""

    module = hatci_evidence
    is_step = False

    def complete_arguments(self) -> None:
        test = self._task.args.get("test")
        if self._task.args.get("state") == "started" and (test is None or isinstance(test, Mapping)):
            known = {"host": self.host, "job": dataclasses.asdict(job_of(self._task_vars)), "versions": versions()}
            self._task.args["test"] = {**known, **(test or {})}

    def after_success(self, options: dict[str, t.Any], result: dict[str, t.Any]) -> None:
        if options["state"] == "bundled" and not self._task.check_mode:
            note_evidence(playbook_process(), self.host, "")
