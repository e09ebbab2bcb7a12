# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.closer import watch_test_event
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_evidence
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import DirectoryUnsafe
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import NotWatching
from ansible_collections.hatci.automation.plugins.modules import hatci_resume
from ansible_collections.hatci.automation.plugins.plugin_utils.in_process import InProcessAction, playbook_process
from ansible_collections.hatci.automation.plugins.plugin_utils.job import job_of
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import directory_of

Values = dict[str, t.Any]


class ActionModule(InProcessAction):
    """Runs the module of the same name, and has the test event closed if this play ends without reporting."""

    module = hatci_resume

    def complete_arguments(self) -> None:
        job = job_of(self._task_vars)
        if job.id:
            self._task.args.setdefault("job_id", job.id)
        self._task.args.setdefault("host", self.host)

    def extras(self) -> Values:
        return {"say": self.say}

    def around(self, options: Values, run: t.Callable[[], Values]) -> Values:
        result = run()
        if result.get("failed") or self._task.check_mode:
            return result
        owner = playbook_process()
        watched = {**options, "metadata": result["test_event"].get("metadata") or {"resumed": result["resumed"]}}
        try:
            watch_test_event(watched, result, self.host, owner)
            note_evidence(owner, self.host, directory_of(self._task_vars))
        except (NotWatching, DirectoryUnsafe, OSError) as error:
            result.setdefault("warnings", []).append(
                f"Test event {result['test_event_id']} will stay open if this play dies: no closer ({error})."
            )
        return result

    def find_progress(self, result: Values) -> Values | None:
        return {"event_id": result["target_event_id"], "deployment_id": result["deployment_id"]}

    def find_failure(self, result: Values) -> Values | None:
        """The test event was not taken over, so nothing is to be said of it."""
        return None
