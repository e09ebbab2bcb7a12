# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import settle_test_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_evidence
from ansible_collections.hatci.automation.plugins.modules import hatci_handover
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of

Values = dict[str, t.Any]


class ActionModule(InProcessAction):
    """Runs the module of the same name; from then on this play's closer leaves the test event and its journal alone."""

    module = hatci_handover

    def complete_arguments(self) -> None:
        job = job_of(self._task_vars)
        if job.id:
            self._task.args.setdefault("job_id", job.id)
        self._task.args.setdefault("host", self.host)

    def after_success(self, options: Values, result: Values) -> None:
        if self._task.check_mode:
            return
        owner = playbook_process()
        settle_test_event(options, owner)
        note_evidence(owner, self.host, "")
        result["ansible_stats"] = {
            "data": {"ota_handovers": {self.host: result["handover"]}},
            "per_host": False,
            "aggregate": True,
        }
